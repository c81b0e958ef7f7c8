"""The accounts whose turnovers are known: new ones, silent ones and a sample of the others.

Bounded and durable; concludes nothing.
"""

from __future__ import annotations

import heapq
import math
import zlib
from typing import TYPE_CHECKING, Final

import msgspec

from stream.core.findings import Turnover
from stream.store.layouts import of_structs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stream.campaigns.metrics import CampaignsMetrics

#: New and silent accounts (assumed: those of a day on a large gateway; deploy/bounds.md).
MOST_ACCOUNTS: Final = 16_384
#: Accounts that show how alike any two are, the same ones whatever the order of rows (assumed).
SAMPLE: Final = 512
#: Accounts of incidents that a person has confirmed (assumed: those of the largest campaign).
MOST_CONFIRMED: Final = 30_000
#: An account may be quiet for a day; only then does a first request mean a new account (assumed,
#: as population/recency.py).
_KNOWN_LOG_S: Final = 86_400.0
_PREFIX: Final = b"y"
_ROW: Final = b"t"
_CONFIRMED: Final = b"o"
_ORIGIN: Final = b"b"


class KnownAccounts:
    """The latest turnover of each account, and until when a person has confirmed it."""

    #: What stored rows consist of.
    layout: Final = of_structs(Turnover)

    def __init__(self, *, remember_s: float, metrics: CampaignsMetrics) -> None:
        """Remember an account for ``remember_s`` after its last turnover."""
        self._remember_s = remember_s
        self._limit_hits = metrics.limit_hits_total
        self._rows: dict[str, Turnover] = {}
        self._confirmed: dict[str, float] = {}
        #: When the first of all accounts was first seen, epoch seconds; inf before that.
        self.origin = math.inf
        self._dirty: set[bytes] = set()

    def add(self, turnovers: Iterable[Turnover]) -> None:
        """Take in turnovers, in any order of accounts."""
        for row in turnovers:
            self._rows[row.account_id] = row
            self._dirty.add(_ROW + row.account_id.encode())
            if row.first_seen < self.origin:
                self.origin = row.first_seen
                self._dirty.add(_ORIGIN)

    def confirm(self, accounts: Sequence[str], *, until: float) -> None:
        """Note that a person has confirmed accounts until then; 0 withdraws it."""
        for name in accounts:
            self._confirmed.pop(name, None)
            if until > 0:
                self._confirmed[name] = until
            self._dirty.add(_CONFIRMED + name.encode())
        excess = len(self._confirmed) - MOST_CONFIRMED
        if excess > 0:
            self._limit_hits.labels(limit="turnovers").inc(excess)
            oldest = sorted(self._confirmed, key=lambda name: (self._confirmed[name], name))
            self._forget_confirmed(oldest[:excess])

    def forget(self, accounts: Iterable[str]) -> None:
        """Forget accounts; unknown ones are ignored."""
        names = {*accounts}
        self._forget(names & self._rows.keys())
        self._forget_confirmed([*(names & self._confirmed.keys())])

    def is_new(self, row: Turnover) -> bool:
        """Return whether an account was first seen in a log that was known."""
        return row.first_seen >= self.origin + _KNOWN_LOG_S

    def is_confirmed(self, account: str) -> bool:
        """Return whether a person has confirmed an incident of an account."""
        return account in self._confirmed

    def at(self, time: float) -> tuple[list[Turnover], list[Turnover]]:
        """Forget what is old; return the accounts known, by id, and the sample of them."""
        self._forget(name for name, row in self._rows.items() if self._is_old(row, time))
        self._forget_confirmed([name for name, until in self._confirmed.items() if until <= time])
        sampled = heapq.nsmallest(SAMPLE, self._rows, key=lambda name: (_hash(name), name))
        sample = {*sampled}
        others = [
            row
            for name, row in self._rows.items()
            if row.silent_since is not None or self.is_new(row) or name in self._confirmed
        ]
        if len(others) > MOST_ACCOUNTS:
            others.sort(key=lambda row: (-row.time, row.account_id))
            self._limit_hits.labels(limit="turnovers").inc(len(others) - MOST_ACCOUNTS)
            del others[MOST_ACCOUNTS:]
        sample |= {row.account_id for row in others}
        self._forget(name for name in self._rows if name not in sample)
        return (
            [self._rows[name] for name in sorted(self._rows)],
            [self._rows[name] for name in sorted(sampled)],
        )

    def _is_old(self, row: Turnover, time: float) -> bool:
        return row.time < time - self._remember_s

    def _forget(self, names: Iterable[str]) -> None:
        for name in [*names]:
            del self._rows[name]
            self._dirty.add(_ROW + name.encode())

    def _forget_confirmed(self, names: Sequence[str]) -> None:
        for name in names:
            del self._confirmed[name]
            self._dirty.add(_CONFIRMED + name.encode())

    # -- durable rows -------------------------------------------------------------------------

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return the rows changed since the last call; None deletes."""
        dirty, self._dirty = sorted(self._dirty), set()
        return [(_PREFIX + key, self._stored(key)) for key in dirty]

    def _stored(self, key: bytes) -> bytes | None:
        if key == _ORIGIN:
            return msgspec.msgpack.encode(self.origin)
        of_row = key[:1] == _ROW
        found = (self._rows if of_row else self._confirmed).get(key[1:].decode())
        return None if found is None else msgspec.msgpack.encode(found)

    def load(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take over stored rows in the order they were written; keys of others are ignored."""
        for key, row in rows:
            if key[:1] != _PREFIX:
                continue
            kind, name = key[1:2], key[2:].decode()
            if kind == _ORIGIN and row is not None:
                self.origin = msgspec.msgpack.decode(row, type=float)
            elif kind == _ROW:
                self._rows.pop(name, None)
                if row is not None:
                    self._rows[name] = msgspec.msgpack.decode(row, type=Turnover)
            elif kind == _CONFIRMED:
                self._confirmed.pop(name, None)
                if row is not None:
                    self._confirmed[name] = msgspec.msgpack.decode(row, type=float)


def _hash(name: str) -> int:
    return zlib.crc32(name.encode())
