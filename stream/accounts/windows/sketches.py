"""Small sketches of accounts: the number of distinct values, and the most frequent one.

Distinct counts are linear counting (Whang et al., TODS 1990) on two bitmaps, today's and
yesterday's, so that a count covers the last one to two days. The leading value is a decayed
majority vote (Boyer and Moore, 1981) with the share of the traffic that it has had.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.links import SPREAD
from stream.store.columns import Field
from stream.store.order import lexical, run_sizes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.core.batch import (
        AccountSlots,
        Array,
        Fingerprints,
        Floats,
        Positions,
        Seconds,
    )
    from stream.store.account_table import AccountTable

DAY_S: Final = 86400.0
_WORD_BITS: Final = 64


@dataclass(frozen=True, slots=True)
class Expiry:
    """Which bitmaps of n accounts are too old at one time: hardly ever any, of the last minutes."""

    place: int  # of the bitmap of the present day or hour, 0 or 1
    present: Positions  # accounts whose bitmap in that place is of an earlier one
    other: Positions  # accounts whose other bitmap is, too

    @classmethod
    def of(cls, period_s: float, time: float, last_seen: Seconds) -> Expiry:
        """Return what is too old at ``time``; ``last_seen`` (n,) NaN: never."""
        period = int(time // period_s)
        last = np.floor(last_seen / period_s)
        present = (~(last >= period)).nonzero()[0]
        return cls(period % 2, present, present[~(last[present] >= period - 1)])


@dataclass(frozen=True, slots=True)
class DistinctSketch:
    """Estimated number of different values of an event column; absent (0) counts for nothing.

    One bitmap is of this day (or hour, :attr:`period_s`), one of the day before.
    """

    name: str
    column: str
    words: int = 1
    period_s: float = DAY_S
    #: The column has small numbers, not fingerprints.
    spread: bool = False

    @property
    def field(self) -> Field:
        """Return the field: shape ``(2, words)``, one bitmap for even days and one for odd."""
        return Field(f"distinct_{self.name}", np.dtype("<u8"), (2, self.words))

    def add(
        self,
        table: AccountTable,
        slots: AccountSlots,
        expiry: Expiry,
        values: Array,
        at: Positions,
    ) -> None:
        """Add ``values`` (rows,), sorted by account; i's begin at ``at[i]``.

        ``expiry`` is that of ``slots`` and :attr:`period_s` at the time of the values.
        """
        stored = table[self.field.name]
        if len(expiry.present):
            stored[slots[expiry.present], expiry.place] = 0
            stored[slots[expiry.other], 1 - expiry.place] = 0
        if values.any():
            stored[slots, expiry.place] |= np.bitwise_or.reduceat(self._bits(values), at, axis=0)

    def estimate(self, table: AccountTable, slots: AccountSlots, expiry: Expiry) -> Floats:
        """Return the estimated count of each slot over the day or hour and the one before, (n,)."""
        kept = table[self.field.name][slots]
        kept[expiry.present, expiry.place] = 0
        kept[expiry.other, 1 - expiry.place] = 0
        size = self.words * _WORD_BITS
        set_bits = np.bitwise_count(kept[:, 0] | kept[:, 1]).sum(axis=1)
        # A full bitmap has no finite estimate: it counts as half a bit short of full.
        empty = np.maximum(size - set_bits, 0.5)
        return np.asarray(-size * np.log(empty / size))

    def _bits(self, values: Array) -> Fingerprints:
        hashed = values.astype(np.uint64)
        if self.spread:
            hashed *= SPREAD
        bit = np.where(hashed != 0, np.uint64(1) << (hashed >> np.uint64(58)), np.uint64(0))
        if self.words == 1:
            return np.asarray(bit[:, None])
        word = (hashed >> np.uint64(40)) % np.uint64(self.words)
        return np.where(word[:, None] == np.arange(self.words, dtype=np.uint64), bit[:, None], 0)


@dataclass(frozen=True, slots=True)
class LeaderSketch:
    """The value of an event column that leads an account's traffic, and its share."""

    name: str
    column: str

    def fields(self) -> Iterator[Field]:
        """Yield the fields: the leader, its vote, its decayed count and the decayed total."""
        yield Field(f"leader_{self.name}", np.dtype("<u8"))
        for part in ("vote", "count", "total"):
            yield Field(f"leader_{self.name}_{part}", np.dtype("<f4"))

    def add(
        self,
        table: AccountTable,
        slots: AccountSlots,
        decay: Floats,
        values: Fingerprints,
        at: Positions,
    ) -> None:
        """Add ``values`` (rows,), sorted by account; ``decay`` (n,) ages what was there."""
        leader = table[f"leader_{self.name}"]
        vote, count, total = (
            table[f"leader_{self.name}_{part}"] for part in ("vote", "count", "total")
        )
        if not values.any():  # it only ages
            for field in (vote, count, total):
                field[slots] = field[slots] * decay
            return
        account = np.repeat(np.arange(len(at), dtype=np.uint32), run_sizes(at, len(values)))
        present = values != 0
        hits = np.bincount(account, present & (values == leader[slots][account]), len(at))
        known = np.bincount(account, present, len(at))
        balance = vote[slots] * decay + 2 * hits - known
        counted = count[slots] * decay + hits
        vote[slots] = np.maximum(balance, 0)
        count[slots] = counted
        total[slots] = total[slots] * decay + known
        behind = balance < 0
        if behind.any():
            rows = behind[account]
            challenger, won = _most_frequent(account[rows], values[rows], len(at))
            lost = won > 0
            slots, won = slots[lost], won[lost]
            leader[slots], count[slots] = challenger[lost], won
            vote[slots] = np.maximum(2 * won - known[lost], 0)

    def share(self, table: AccountTable, slots: AccountSlots) -> Floats:
        """Return the leader's share of the decayed traffic, 0 to 1; NaN where nothing is known."""
        count = table[f"leader_{self.name}_count"][slots].astype(float)
        total = table[f"leader_{self.name}_total"][slots].astype(float)
        known = total > 0
        return np.where(known, count / np.where(known, total, 1), np.nan)


def _most_frequent(
    account: Positions, values: Fingerprints, accounts: int
) -> tuple[Fingerprints, Floats]:
    """Return each account's most frequent value (0: none) and its count, the greater of equals."""
    present = np.flatnonzero(values)
    order = present[lexical(account[present], values[present])]
    who, value = account[order], values[order]
    first = np.flatnonzero(
        np.concatenate([[True], (who[1:] != who[:-1]) | (value[1:] != value[:-1])])[: len(order)]
    )
    runs = run_sizes(first, len(order))
    best = first[lexical(who[first], runs, value[first])]
    leader, count = np.zeros(accounts, np.uint64), np.zeros(accounts)
    # Of several assignments to one account the last, which is the most frequent, stays.
    leader[who[best]] = value[best]
    np.maximum.at(count, who[first], runs)
    return leader, count
