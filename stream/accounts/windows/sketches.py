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
        time: float,
        last_seen: Seconds,
        values: Array,
        at: Positions,
    ) -> None:
        """Add ``values`` (rows,) seen at ``time``, sorted by account; i's begin at ``at[i]``.

        ``last_seen`` (n,) is the time of the newest value that each slot already holds, NaN: none.
        """
        kept = self._kept(table, slots, time, last_seen)
        kept[:, self._period(time) % 2] |= np.bitwise_or.reduceat(self._bits(values), at, axis=0)
        table[self.field.name][slots] = kept

    def estimate(
        self, table: AccountTable, slots: AccountSlots, time: float, last_seen: Seconds
    ) -> Floats:
        """Return the estimated count of each slot over the day or hour and the one before, (n,)."""
        kept = self._kept(table, slots, time, last_seen)
        size = self.words * _WORD_BITS
        set_bits = np.bitwise_count(kept[:, 0] | kept[:, 1]).sum(axis=1)
        # A full bitmap has no finite estimate: it counts as half a bit short of full.
        empty = np.maximum(size - set_bits, 0.5)
        return np.asarray(-size * np.log(empty / size))

    def _kept(
        self, table: AccountTable, slots: AccountSlots, time: float, last_seen: Seconds
    ) -> Fingerprints:
        """Return the bitmaps of each slot as of ``time``, a copy of shape ``(n, 2, words)``."""
        day, last_day = self._period(time), self._periods(last_seen)
        kept = table[self.field.name][slots]
        kept[last_day < day, day % 2] = 0
        kept[last_day < day - 1, (day + 1) % 2] = 0
        return np.asarray(kept)

    def _period(self, time: float) -> int:
        return int(time // self.period_s)

    def _periods(self, times: Seconds) -> Positions:
        return np.where(np.isnan(times), -(2**40), np.floor(times / self.period_s)).astype(int)

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
        sizes = run_sizes(at, len(values))
        account = np.repeat(np.arange(len(at), dtype=np.uint32), sizes)
        hits = np.bincount(account, (values != 0) & (values == leader[slots][account]), len(at))
        known = np.bincount(account, values != 0, len(at))
        balance = vote[slots] * decay + 2 * hits - known
        challenger, won = _most_frequent(account, values, len(at))
        lost = (balance < 0) & (won > 0)
        leader[slots] = np.where(lost, challenger, leader[slots])
        vote[slots] = np.where(lost, np.maximum(2 * won - known, 0), np.maximum(balance, 0))
        count[slots] = np.where(lost, won, count[slots] * decay + hits)
        total[slots] = total[slots] * decay + known

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
