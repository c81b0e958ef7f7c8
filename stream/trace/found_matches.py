"""What was found of stored answers in a data set, by account and by group of related accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stream.core.batch import Array, Counts, Mask, Positions, Slots
    from stream.store.interner import Interner
    from stream.trace.file_hashes import FileHashes

_NONE: Final = np.uint32(2**32 - 1)


@dataclass(frozen=True, slots=True)
class Volumes:
    """Of accounts: answers, their stored hashes, those of the data set that each alone has.

    All (n,), i8; hashes and hits are of the density at which accounts are compared.
    """

    answers: Counts
    hashes: Counts
    hits: Counts


class Extremes:
    """The least and the greatest of the values that each place had; (n,) u4."""

    def __init__(self, count: int) -> None:
        """Start without a value."""
        self.least: Positions = np.full(count, _NONE)
        self.greatest: Positions = np.zeros(count, np.uint32)

    def take(self, places: Positions, values: Array) -> None:
        """Take in a value of each place, which may repeat."""
        values = values.astype(np.uint32, copy=False)
        np.minimum.at(self.least, places, values)
        np.maximum.at(self.greatest, places, values)

    @property
    def alone(self) -> Mask:
        """Return which places had one value."""
        return np.equal(self.least, self.greatest)


class Tables(NamedTuple):
    """By place of the data set's hashes: unit, group and time; by unit: answers and hashes.

    A unit is twice the slot of an account, one more for its answers after the file's date.
    """

    unit: Extremes
    group: Extremes
    time: Extremes
    answers: Counts
    hashes: Counts


class MemberHits(NamedTuple):
    """Hits in suspects' answers: place of the hash, number of the answer, and its hashes."""

    place: Positions
    answer: Array
    size: Counts


class FoundMatches:
    """The matches of all answers that were read; computes nothing twice."""

    def __init__(
        self,
        file: FileHashes,
        accounts: Interner,
        tables: Tables,
        hits: MemberHits,
        *,
        limit: np.uint64,
        dated: float,
    ) -> None:
        """``limit`` is the greatest hash by which accounts are compared."""
        self._file = file
        self._accounts = accounts
        self._tables = tables
        unit = tables.unit
        alone = unit.least[unit.alone & (file.hashes <= limit)]
        self._hits = np.bincount(alone, minlength=len(tables.answers))
        # What was given only after the date of the data set is no match.
        early = tables.group.alone & (tables.time.least < dated)
        account = unit.least >> np.uint32(1)
        own = np.flatnonzero(early & (account == unit.greatest >> np.uint32(1)))
        self._of_account = _Sorted(own, account[own])
        places = np.flatnonzero(early)
        self._of_group = _Sorted(places, tables.group.least[places])
        kept = early[hits.place]
        self._member_hits = MemberHits(*(column[kept] for column in hits))
        self._hits_of_group = _Sorted(
            np.arange(len(self._member_hits.place)),
            tables.group.least[self._member_hits.place],
        )

    def slots(self, accounts: Iterable[str]) -> Slots:
        """Return the slots of those accounts that have answers, ascending."""
        found = self._accounts.find(list(accounts))
        return np.unique(found[found >= 0])

    def names(self, slots: Slots) -> list[str]:
        """Return account ids."""
        return self._accounts.names(slots)

    def everyone(self) -> Slots:
        """Return the slots of all accounts that are counted one by one, by account id."""
        names = self.names(np.arange(1, len(self._accounts)))
        return 1 + np.array(sorted(range(len(names)), key=names.__getitem__), np.int64)

    def volumes(self, slots: Slots, *, after: bool = False) -> Volumes:
        """Return the volumes of accounts: of their answers before the file's date, or ``after``."""
        unit = 2 * slots + after
        return Volumes(self._tables.answers[unit], self._tables.hashes[unit], self._hits[unit])

    def of_accounts(self, group: int, slots: Slots) -> Positions:
        """Return the places of hashes that only a group has, of some of its accounts."""
        places = self._of_group.of(group)
        unit = self._tables.unit
        least, greatest = unit.least[places] >> 1, unit.greatest[places] >> 1
        return places[np.isin(least, slots) | np.isin(greatest, slots)]

    def by_account(self, slots: Slots) -> Iterator[tuple[int, Positions]]:
        """Yield the accounts that have hashes of the data set alone, and the places of these."""
        for slot in slots.tolist():
            places = self._of_account.of(slot)
            if len(places):
                yield slot, places

    def times(self, places: Positions) -> tuple[int, int]:
        """Return the times of the first and last answer with one of these hashes."""
        time = self._tables.time
        return int(time.least[places].min()), int(time.greatest[places].max())

    def rows(self, places: Positions) -> Positions:
        """Return the distinct rows of the data set that have these hashes, ascending."""
        return np.unique(self._file.rows[places])

    def whole(self, group: int, places: Positions) -> tuple[int, int]:
        """Return ``found`` and ``others``: how much more of matched answers their rows have.

        Of each answer that has some of these hashes of the data set: the others that it has in the
        row where it has most, and all others that it has.
        """
        mine = self._hits_of_group.of(group)
        mine = mine[np.isin(self._member_hits.place[mine], places)]
        if not len(mine):
            return 0, 0
        place, answer, size = (column[mine] for column in self._member_hits)
        row = self._file.rows[place].astype(np.int64)
        order = np.lexsort((row, answer))
        answer, row, size = answer[order], row[order], size[order]
        changes = (answer[1:] != answer[:-1]) | (row[1:] != row[:-1])
        first = np.flatnonzero(np.concatenate([[True], changes]))
        together = np.diff(np.append(first, len(answer)))
        begins = np.flatnonzero(np.diff(answer[first], prepend=-1))
        most = np.maximum.reduceat(together, begins)
        return int((most - 1).sum()), int((size[first[begins]].astype(np.int64) - 1).sum())


class _Sorted:
    """Positions by a key."""

    def __init__(self, positions: Positions, key: Array) -> None:
        order = np.argsort(key, kind="stable")
        self._positions, self._key = positions[order], key[order]

    def of(self, key: int) -> Positions:
        """Return the positions with a key, in their order."""
        first, last = np.searchsorted(self._key, np.array([key, key + 1], self._key.dtype))
        return self._positions[first:last]
