"""Which stored hashes of answers are in a data set, and whose alone they are.

The stored records stream past the data set's hashes. For each of these only the least and the
greatest account (and group of related accounts) that had it are kept: where they are equal, no
other one had it. So memory depends on the data set and on the number of accounts, not of records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.store.interner import Interner
from stream.trace.found_matches import Extremes, FoundMatches, MemberHits, Tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stream.core.batch import Array, Counts, Positions, Slots
    from stream.trace.answer_record import Answers
    from stream.trace.file_hashes import FileHashes

#: Accounts that are counted one by one, assumed; others are one account, which is no control.
MOST_ACCOUNTS: Final = 4_000_000
#: Hits of suspects' answers that are kept with their answers, 16 bytes each; beyond it, those of
#: every second answer, then of every fourth, ...
MOST_MEMBER_HITS: Final = 8_000_000
_OTHERS: Final = 0  # the slot of accounts beyond the bound


class AnswerMatches:
    """Takes in stored answers, in any order; mutable."""

    def __init__(
        self,
        file: FileHashes,
        related: Mapping[str, int],
        *,
        thinnest: int,
        dated: float | None = None,
    ) -> None:
        """Start with no answer.

        ``related``: suspect account -> number of its component, from 0. Accounts are compared by
        the hashes that one in ``thinnest`` keeps. ``dated``: when the file was made, epoch seconds.
        """
        count = len(file)
        self._file = file
        self._related = related
        self._limit = np.uint64(2**64 // thinnest - 1)
        self._dated = np.inf if dated is None else dated
        self._accounts = Interner()
        self._accounts.add(np.array([_OTHERS]), ["\0"])  # no account id
        self._unit = Extremes(count)
        self._group = Extremes(count)
        self._time = Extremes(count)
        self._answers = np.zeros(0, np.int64)
        self._hashes = np.zeros(0, np.int64)
        self._groups: Positions = np.zeros(1, np.uint32)  # by account
        self._groups[_OTHERS] = len(related)
        self._hits = _HitLog()
        self.answers = self.hashes = 0
        self.first: int | None = None  # times of all answers, epoch seconds
        self.last: int | None = None

    @property
    def accounts(self) -> int:
        """Return how many accounts were seen and are counted one by one."""
        return len(self._accounts) - 1

    def take(self, answers: Answers) -> None:
        """Take in a record."""
        if not len(answers):
            return
        slots, count = self._slots(answers.accounts), answers.count.astype(np.int64)
        account = slots[answers.account]
        unit = 2 * account + (answers.time >= self._dated)
        compared = answers.hashes <= self._limit
        owner = unit.repeat(count)
        self._count(unit, owner[compared])
        self.hashes += len(answers.hashes)
        self.first = min(int(answers.time.min()), self.first or 2**32)
        self.last = max(int(answers.time.max()), self.last or 0)
        place = self._file.find(answers.hashes)
        hit = np.flatnonzero(place >= 0)
        if len(hit):
            place, of = place[hit], np.arange(len(answers)).repeat(count)[hit]
            self._unit.take(place, unit[of])
            self._group.take(place, self._groups[account[of]])
            self._time.take(place, answers.time[of])
            member = compared[hit] & (self._groups[account[of]] < len(self._related))
            sizes = np.add.reduceat(compared, np.cumsum(count) - count, dtype=int)
            self._hits.take(place[member], self.answers + of[member], sizes[of[member]])
        self.answers += len(answers)

    def _count(self, unit: Slots, owner: Slots) -> None:
        units = 2 * len(self._accounts)
        if units > len(self._answers):
            more = max(units, 2 * len(self._answers)) - len(self._answers)
            self._answers = np.pad(self._answers, (0, more))
            self._hashes = np.pad(self._hashes, (0, more))
        np.add.at(self._answers, unit, 1)
        np.add.at(self._hashes, owner, 1)

    def _slots(self, accounts: Sequence[str]) -> Slots:
        slots = self._accounts.find(accounts)
        new = np.flatnonzero(slots < 0)
        if len(new):
            room = max(MOST_ACCOUNTS + 1 - len(self._accounts), 0)
            slots[new[room:]] = _OTHERS
            new = new[:room]
            slots[new] = len(self._accounts) + np.arange(len(new))
            names = [accounts[place] for place in new.tolist()]
            self._accounts.add(slots[new], names)
            alone = len(self._related) + slots[new]
            groups = [self._related.get(name, -1) for name in names]
            self._groups = np.concatenate(
                [self._groups, np.where(np.array(groups) < 0, alone, groups).astype(np.uint32)]
            )
        return slots

    def found(self) -> FoundMatches:
        """Return what was found so far."""
        return FoundMatches(
            self._file,
            self._accounts,
            Tables(self._unit, self._group, self._time, self._answers, self._hashes),
            self._hits.columns(),
            limit=self._limit,
            dated=self._dated,
        )


class _HitLog:
    """Hits of suspects' answers: the hash, the answer, and how many hashes the answer has."""

    def __init__(self) -> None:
        self._parts: list[tuple[Positions, Array, Counts]] = []
        self._count = 0
        self._one_in = 1

    def take(self, places: Positions, answers: Array, sizes: Counts) -> None:
        self._add(places.astype(np.uint32), answers.astype(np.int64), sizes.astype(np.uint32))
        while self._count > MOST_MEMBER_HITS:
            self._one_in *= 2
            parts, self._parts, self._count = self._parts, [], 0
            for part in parts:
                self._add(*part)

    def _add(self, places: Positions, answers: Array, sizes: Counts) -> None:
        kept = answers % self._one_in == 0
        if kept.any():
            self._parts.append((places[kept], answers[kept], sizes[kept]))
            self._count += int(np.count_nonzero(kept))

    def columns(self) -> MemberHits:
        """Return all of them as columns."""
        if not self._parts:
            return MemberHits(*(np.zeros(0, np.int64),) * 3)
        return MemberHits(*(np.concatenate(part) for part in zip(*self._parts, strict=True)))
