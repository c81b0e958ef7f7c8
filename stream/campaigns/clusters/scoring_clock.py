"""When clusters are scored next, and when the log begins; all in event time, epoch seconds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec

from stream.campaigns.clusters.stored_rows import StoredRows
from stream.store.layouts import of_structs

if TYPE_CHECKING:
    from collections.abc import Iterable


class _Clock(msgspec.Struct, frozen=True, kw_only=True):
    origin: float
    due: float


class ScoringClock:
    """``due`` is a multiple of the interval, inf while nothing has changed."""

    #: What the stored row consists of.
    layout: Final = of_structs(_Clock)

    def __init__(self, every_s: float) -> None:
        """Start with nothing to score; clusters are scored every ``every_s`` seconds."""
        self._every_s = every_s
        self.due = math.inf
        #: When anything was first seen; inf before that.
        self.origin = math.inf
        self._rows = StoredRows(b"k")

    def changed(self, time: float, *, since: float = math.inf) -> None:
        """Have clusters scored for what changed by ``time`` and was first seen at ``since``.

        inf: that is unknown.
        """
        self.origin = min(self.origin, since)
        self.due = min(self.due, math.ceil(time / self._every_s) * self._every_s)

    def scored(self, time: float, *, waiting: bool) -> None:
        """Note a scoring at ``time``; the next follows soon while candidates are ``waiting``."""
        self.due = time + self._every_s if waiting else math.inf

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return the row when it changed since the last call."""
        if self.origin == self.due == math.inf:
            return []
        row = msgspec.msgpack.encode(_Clock(origin=self.origin, due=self.due))
        return self._rows.changes({b"": row})

    def load(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take over stored rows in the order they were written; then :meth:`loaded`."""
        self._rows.load(rows)

    def loaded(self) -> None:
        """Continue from the stored row."""
        for row in self._rows.values():
            clock = msgspec.msgpack.decode(row, type=_Clock)
            self.origin, self.due = clock.origin, clock.due
