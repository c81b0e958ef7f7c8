"""Findings on accounts become incidents. Members of a firing campaign get none of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stream.alerting import summaries
from stream.alerting.incident import Finding, Incident, alert_id
from stream.alerting.severity import severity
from stream.alerting.tally import greater

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.alerting.lifecycle import Lifecycle
    from stream.alerting.metrics import AlertingMetrics
    from stream.alerting.score_watch import ScoreWatch
    from stream.alerting.settings import AlertingSettings
    from stream.alerting.store import IncidentStore
    from stream.alerting.verdict_table import VerdictTable
    from stream.core.findings import AccountFinding, Observed

#: An account's incident has the day of its first evidence in its id: the same replay, the same id.
_DAY_S: Final = 86400.0


class AccountIncidents:
    """Opens and updates the incidents of kind account."""

    def __init__(
        self,
        settings: AlertingSettings,
        store: IncidentStore,
        lifecycle: Lifecycle,
        verdicts: VerdictTable,
        *,
        metrics: AlertingMetrics,
        watch: ScoreWatch,
    ) -> None:
        """Adjust scores with ``verdicts``; show each to ``watch``."""
        self._settings = settings
        self._store = store
        self._lifecycle = lifecycle
        self._verdicts = verdicts
        self._metrics = metrics
        self._watch = watch

    def apply(self, found: AccountFinding) -> None:
        """Take in what was found about one account."""
        score = self._verdicts.adjusted("account", found.score, found.evidence)
        self._watch(found.time, (found.account_id,), score)
        incident = self._store.find("account", found.account_id)
        if score < self._settings.least_score(is_open=incident is not None and incident.is_open):
            return
        if self._store.open.in_campaign(found.account_id):
            self._metrics.alerts_suppressed_total.labels(reason="merged").inc()
            return
        if incident is None:
            if not self._store.has_room("account"):
                return
            incident = _opened(found)
        observed = greater(incident.observed, found.observed)
        finding = self._finding(found, score, observed)
        self._lifecycle.apply(incident, finding, found.time)

    def forget(self, time: float, accounts: Iterable[str]) -> None:
        """End and forget the incidents of accounts."""
        for account in sorted(accounts):
            incident = self._store.find("account", account)
            if incident is not None:
                self._lifecycle.forget(incident, time)

    def _finding(self, found: AccountFinding, score: float, observed: Observed) -> Finding:
        return Finding(
            score=score,
            severity=severity(self._settings, score=score, members=1, observed=observed),
            last=found.time,
            evidence=found.evidence,
            observed=observed,
            model_version=self._verdicts.version("account", found.model_version),
            summary=summaries.account(found.account_id, found.evidence, observed),
        )


def _opened(found: AccountFinding) -> Incident:
    return Incident(
        alert_id=alert_id("account", found.account_id, int(found.since // _DAY_S)),
        kind="account",
        subject=found.account_id,
        started=found.since,
        detected=found.time,
        last=found.time,
    )
