"""Whether light accounts' prompts surge into one topic, and which prompts are in it.

Once an hour a new topic cell is laid, from the prompts of the last hours against those of days
before; the hour that follows is counted against it, so that no prompt is counted by a cell that was
made from it. A surge is a share far above the past's in several hours together. While it lasts, its
hours are no past; when no past is left, the topic is usual. It links no accounts.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
from scipy.special import rel_entr

from stream.accounts.topics.cell import SHARE, TopicCell
from stream.accounts.topics.samples import HOURS, HourlySamples
from stream.core.errors import StateError
from stream.core.events import WORD_CELLS
from stream.store.layouts import of_structs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.core.batch import Array, Fingerprints, Mask

_HOUR_S: Final = 3600.0
#: The hours whose prompts lay the cell, and those whose prompts are counted. Measured: 12 hours
#: instead of 6 recognise some hundredths more. Fewer prompts lay no cell (assumed).
_RECENT: Final = 12
_COUNTED: Final = 6
_LEAST_RECENT: Final = 60
#: What is younger is no past yet: a topic that grows over half a day still stands out (assumed).
_PAST_FROM: Final = 12
#: Hours and prompts of a past (assumed: most of a day, for the topics of day and night differ).
_LEAST_PAST: Final = 18
_LEAST_PAST_PROMPTS: Final = 400
#: A surge begins at this multiple of the past's share, if that is more than chance by this Chernoff
#: exponent (nats), and ends below the second one. Measured on real prompts: without a campaign the
#: multiple stays below 2; of a topic that is a fifth of all prompts it is 10 to 14. The exponent
#: allows for a share of the past that is half as large again.
_BEGINS: Final = 3.0
_ENDS: Final = 2.0
_EXPONENT: Final = 6.0
_ALLOWED: Final = 1.5 * SHARE


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    hour: int
    surging: bool
    border: float
    weights: bytes  # whole numbers, i2; empty: there is no cell


class TopicSurge:
    """The topic cell of one task; deterministic given the order of calls."""

    layout: Final = {**HourlySamples.layout, **of_structs(_Stored)}

    def __init__(self) -> None:
        """Start with no past."""
        self._samples = HourlySamples()
        self._cell: TopicCell | None = None
        self._hour = -1
        #: Whether the topic surges.
        self.surging = False
        self._written = b""

    @property
    def nbytes(self) -> int:
        """Return the size in bytes."""
        return self._samples.nbytes

    def step(self, time: float) -> None:
        """End the hours before the window that ends at ``time``, epoch seconds."""
        # A window that ends on the hour belongs to the hour before.
        hour = math.ceil(time / _HOUR_S) - 1
        if hour > self._hour:
            if self._hour >= 0:
                self._end(self._hour)
            self._hour = hour

    def add(self, prompts: Fingerprints, cells: Array) -> None:
        """Sample prompts of light accounts (n,) with word cells ``(n, bytes)`` u1."""
        self._samples.add(self._hour, prompts, cells)

    def holds(self, cells: Array) -> Mask:
        """Return which prompts, ``(n, bytes)`` u1, are in the topic cell, ``(n,)``.

        Without a surge they are there by chance, or because one is about to begin.
        """
        if self._cell is None or not len(cells):
            return np.zeros(len(cells), bool)
        return self._cell.holds(np.unpackbits(cells, axis=1).astype(np.float64))

    # -- once an hour -------------------------------------------------------------------------

    def _end(self, hour: int) -> None:
        samples = self._samples
        own = samples.between(hour, hour)
        if self._cell is not None:
            samples.note_hits(hour, int(np.count_nonzero(self._cell.holds(samples.bits(own)))))
        counted = samples.between(hour - _COUNTED + 1, hour)
        was, self.surging = self.surging, self._surges(counted)
        if self.surging:
            samples.note_surge(own if was else counted, surging=True)
        self._lay(hour)

    def _surges(self, counted: Mask) -> bool:
        rows = self._samples.rows[counted]
        rows = rows[rows["hits"] >= 0]
        count, hits = int(rows["count"].sum()), int(rows["hits"].sum())
        share = hits / count if count else 0.0
        if self.surging:
            return share >= _ENDS * SHARE
        chance = rel_entr(share, _ALLOWED) + rel_entr(1 - share, 1 - _ALLOWED)
        return bool(share >= _BEGINS * SHARE and count * chance >= _EXPONENT)

    def _lay(self, hour: int) -> None:
        """Lay the cell for the next hour."""
        samples = self._samples
        # During a surge all of its hours show where the topic is.
        recent = samples.between(hour - _RECENT + 1, hour) | samples.rows["surging"]
        past = samples.between(hour - HOURS + 1, hour - _PAST_FROM) & ~samples.rows["surging"]
        before, now = samples.bits(past), samples.bits(recent)
        if np.count_nonzero(past) < _LEAST_PAST or len(before) < _LEAST_PAST_PROMPTS:
            # What has surged for as long as anything is remembered is usual.
            samples.note_surge(np.ones(HOURS, bool), surging=False)
            self._cell, self.surging = None, False
        elif len(now) >= _LEAST_RECENT:
            self._cell = TopicCell.between(before, now)

    # -- durable rows -------------------------------------------------------------------------

    def take_changes(self) -> list[tuple[bytes, bytes]]:
        """Return the rows that changed since the last call."""
        cell = self._cell
        head = msgspec.msgpack.encode(
            _Stored(
                hour=self._hour,
                surging=self.surging,
                border=cell.border if cell else 0.0,
                weights=cell.weights.astype("<i2").tobytes() if cell else b"",
            )
        )
        changed = [(b"", head)] if head != self._written else []
        self._written = head
        return [*changed, *self._samples.take_changes()]

    def load(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Take over stored rows. Raises StateError when one is damaged."""
        stored_rows = dict(rows)
        head = stored_rows.pop(b"", None)
        self._samples.load(stored_rows.items())
        if head is None:
            return
        try:
            stored = msgspec.msgpack.decode(head, type=_Stored)
            weights = np.frombuffer(stored.weights, "<i2").astype(np.float64)
        except (msgspec.MsgspecError, ValueError) as error:
            raise StateError(f"the stored topic cell cannot be read: {error}") from error
        if len(weights) not in {0, WORD_CELLS}:
            raise StateError("the stored topic cell is damaged")
        self._written = head
        self._hour, self.surging = stored.hour, stored.surging
        self._cell = TopicCell(weights, stored.border) if len(weights) else None
