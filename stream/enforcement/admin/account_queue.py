"""Which account is looked at next: each at most once at a time, failed ones later."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Final

from stream.delivery.backoff import full_jitter

if TYPE_CHECKING:
    from random import Random

_FIRST_RETRY_S: Final = 1.0


class AccountQueue:
    """Mutable, no clock of its own; times are seconds of a clock that never goes back.

    It holds no more than the accounts that are in force or marked.
    """

    def __init__(self, *, longest_retry_s: float, random: Random) -> None:
        """Start empty."""
        self._longest_retry_s = longest_retry_s
        self._random = random
        self._changed: dict[str, None] = {}  # what decisions have changed, in this order
        self._routine: dict[str, None] = {}  # what is only compared
        self._later: list[tuple[float, str]] = []
        self._busy: dict[str, bool] = {}  # account -> whether to look again afterwards
        self._failures: dict[str, int] = {}
        self._given_up: set[str] = set()  # until the next comparison
        self._since: dict[str, float] = {}  # of those that are not as they should be

    def add(self, account: str, time: float) -> None:
        """Queue an account whose decisions have changed."""
        self._since.setdefault(account, time)
        if account in self._busy:
            self._busy[account] = True
            return
        self._routine.pop(account, None)
        self._given_up.discard(account)
        self._changed[account] = None

    def compare(self, account: str) -> None:
        """Queue an account behind all that have changed, unless it is queued."""
        if account not in self._busy and account not in self._since:
            self._routine[account] = None

    def reconsider(self) -> None:
        """Queue what was given up."""
        self._routine.update(dict.fromkeys(self._given_up))
        self._given_up.clear()

    def take(self, time: float) -> str | None:
        """Return the next account, which is then busy; None: none is due."""
        while self._later and self._later[0][0] <= time:
            _, account = heapq.heappop(self._later)
            if account in self._failures and account not in self._busy:
                self._changed[account] = None
        for waiting in (self._changed, self._routine):
            if waiting:
                account = next(iter(waiting))
                del waiting[account]
                self._busy[account] = False
                return account
        return None

    def finish(self, account: str) -> None:
        """Note that a busy account is as it should be, or that nothing can be done."""
        self._failures.pop(account, None)
        if self._busy.pop(account):
            self._changed[account] = None
        else:
            self._since.pop(account, None)

    def give_up(self, account: str, time: float) -> None:
        """Note that another try would not help: the account waits for the next comparison."""
        self._since.setdefault(account, time)
        self._failures.pop(account, None)
        if self._busy.pop(account):
            self._changed[account] = None
        else:
            self._given_up.add(account)

    def retry(self, account: str, time: float) -> None:
        """Note that a busy account is to be tried again, later each time."""
        self._since.setdefault(account, time)
        self._busy.pop(account)
        self._failures[account] = failures = self._failures.get(account, 0) + 1
        pause = full_jitter(
            failures,
            first_s=_FIRST_RETRY_S,
            longest_s=self._longest_retry_s,
            random=self._random,
        )
        heapq.heappush(self._later, (time + pause, account))

    @property
    def pending(self) -> int:
        """Return how many accounts are not as they should be, as far as is known."""
        return len(self._since)

    def oldest_s(self, time: float) -> float:
        """Return how long the one has waited that has waited longest."""
        return max(time - min(self._since.values(), default=time), 0.0)
