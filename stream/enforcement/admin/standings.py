"""How accounts stand at the gateway, as metrics."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from stream.enforcement.admin.metrics import STANDINGS

if TYPE_CHECKING:
    from stream.enforcement.admin.metrics import AdminMetrics, Change, ChangeResult, Standing


class Standings:
    """The last known standing of each account with a decision or a mark; mutable."""

    def __init__(self, metrics: AdminMetrics) -> None:
        """Show them in ``metrics``."""
        self._metrics = metrics
        self._standings: dict[str, Standing] = {}
        self._numbers: Counter[Standing] = Counter()

    def stands(self, account: str, standing: Standing | None) -> None:
        """Note how an account stands; None: it has no decision and no mark."""
        before = self._standings.pop(account, None)
        if before is not None:
            self._numbers[before] -= 1
        if standing is not None:
            self._standings[account] = standing
            self._numbers[standing] += 1

    def count(self, change: Change, result: ChangeResult) -> None:
        """Count a change by its result."""
        self._metrics.enforcer_admin_changes_total.labels(change=change, result=result).inc()

    def unsupported(self, number: int) -> None:
        """Note how many accounts are under actions that the gateway does not know."""
        self._metrics.enforcer_admin_unsupported_accounts.set(number)

    def show(self, pending: int, oldest_s: float) -> None:
        """Show the numbers, and what waits."""
        for standing in STANDINGS:
            number = pending if standing == "pending" else self._numbers[standing]
            self._metrics.enforcer_admin_accounts.labels(standing=standing).set(number)
        self._metrics.enforcer_admin_oldest_seconds.set(oldest_s)
