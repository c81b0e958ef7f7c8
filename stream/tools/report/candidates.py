"""What was scored in a run, alerted or not: who was suspected when, and how high it came.

A candidate is an account, or a group of accounts that is scored again and again while its members
change. Bounded: the highest candidates are kept.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_CANDIDATES: Final = 2000
_HOUR_S: Final = 3600.0


@dataclass(slots=True, eq=False)
class Candidate:
    """One account or group; times are epoch seconds."""

    campaign: bool
    score: float = 0.0  # the highest
    time: float = 0.0  # of the highest
    first: float = 0.0
    accounts: tuple[str, ...] = ()  # when it had the highest
    hourly: dict[int, float] = field(default_factory=dict)  # hour since the epoch -> highest

    def take(self, time: float, accounts: Sequence[str], score: float) -> None:
        """Take in a score."""
        hour = int(time // _HOUR_S)
        self.hourly[hour] = max(score, self.hourly.get(hour, 0.0))
        self.first = self.first or time
        if score > self.score or not self.accounts:
            self.score, self.time, self.accounts = score, time, tuple(accounts)


class Candidates:
    """Follows the scores of accounts and of groups; most of its members identify a group."""

    def __init__(self, clear_score: float, *, most: int = MAX_CANDIDATES) -> None:
        """Below ``clear_score`` no account counts as suspected."""
        self._clear = clear_score
        self._most = most
        self._of_account: dict[str, Candidate] = {}
        self._of_member: dict[str, Candidate] = {}
        self._all: dict[int, Candidate] = {}  # by identity, in order
        #: account -> when it, or a group with it, first reached the clear score
        self.suspected: dict[str, float] = {}

    def observe(self, time: float, accounts: Sequence[str], score: float) -> None:
        """Take in the score of an account or of a group."""
        self._candidate(accounts).take(time, accounts, score)
        if score >= self._clear:
            for account in accounts:
                self.suspected.setdefault(account, time)
        if len(self._all) > 2 * self._most:
            self._forget()

    def ranked(self) -> list[Candidate]:
        """Return the candidates, highest first."""
        return sorted(self._all.values(), key=lambda one: (-one.score, one.time, one.accounts))

    def _candidate(self, accounts: Sequence[str]) -> Candidate:
        campaign = len(accounts) > 1
        held = self._of_member if campaign else self._of_account
        before = Counter(id(held[account]) for account in accounts if account in held)
        name, hits = before.most_common(1)[0] if before else (0, 0)
        known = self._all.get(name)
        found = known if known and 2 * hits > min(len(accounts), len(known.accounts)) else None
        if found is None:
            found = Candidate(campaign)
            self._all[id(found)] = found
        held.update(dict.fromkeys(accounts, found))
        return found

    def _forget(self) -> None:
        self._all = {id(one): one for one in self.ranked()[: self._most]}
        for held in (self._of_account, self._of_member):
            for account in [a for a, one in held.items() if id(one) not in self._all]:
                del held[account]
