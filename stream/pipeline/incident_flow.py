"""From the findings of a window to alerts: clusters and incidents, each at its own event time.

The cluster detector and the incidents do not know of each other: incidents get scored clusters,
and look up the links behind them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.alerting.egress_ledger import EgressLedger
from stream.alerting.incidents import Incidents
from stream.alerting.score_watch import unwatched
from stream.campaigns.clusters.detector import ClusterDetector

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from stream.alerting.feedback_settings import FeedbackSettings
    from stream.alerting.score_watch import ScoreWatch
    from stream.alerting.settings import AlertingSettings
    from stream.campaigns.clusters.detector import Baseline
    from stream.campaigns.settings import CampaignSettings
    from stream.core.alerts import Alert
    from stream.core.feedback import Suppression, Verdict
    from stream.core.findings import AccountFinding, Group, LightTurns, Turnover
    from stream.core.packets import Confirmed
    from stream.pipeline.metrics import PipelineMetrics
    from stream.store.durable import Durable


class IncidentFlow:
    """A cluster detector, beside the incidents of clusters and of single accounts."""

    def __init__(
        self,
        settings: AlertingSettings,
        campaigns: CampaignSettings,
        feedback: FeedbackSettings | None = None,
        *,
        metrics: PipelineMetrics,
        watch: ScoreWatch = unwatched,
        baseline: Baseline | None = None,
        ledger: EgressLedger | None = None,
    ) -> None:
        """Start empty; ``watch`` receives every score, even one that opens nothing.

        A drill has the ``baseline`` of the real detector, and no ``ledger``.
        """
        self._metrics = metrics
        self._detector = ClusterDetector(
            campaigns, metrics=metrics, thresholds=settings.thresholds, baseline=baseline
        )
        self._incidents = Incidents(
            settings,
            feedback,
            links=self._detector,
            ledger=ledger or EgressLedger(1, metrics=metrics),
            min_members=campaigns.min_members,
            max_members=campaigns.max_campaign_accounts,
            metrics=metrics,
            watch=watch,
        )

    @property
    def baseline(self) -> Baseline:
        """Return what the clusters of a drill are compared with."""
        return self._detector.baseline

    def step(
        self,
        time: float,
        findings: Sequence[AccountFinding],
        groups: list[Group],
        turnovers: Sequence[Turnover] = (),
        turns: Sequence[LightTurns] = (),
    ) -> list[Alert]:
        """Process the findings of the window that ends at ``time``; return the alerts to send."""
        incidents, detector = self._incidents, self._detector
        while (due := detector.due) < time:
            incidents.advance(due, including=False)
            self._detect(due)
        incidents.advance(time, including=False)
        detector.add(time, groups)
        detector.add_turnovers(time, turnovers)
        detector.add_turns(time, turns)
        if detector.due <= time:
            self._detect(detector.due)
        incidents.apply_findings(findings)
        incidents.advance(time, including=True)
        return incidents.take()

    def record_feedback(
        self, time: float, verdicts: Sequence[Verdict], suppressions: Sequence[Suppression]
    ) -> tuple[list[Alert], list[Confirmed]]:
        """Apply feedback after the window that ended at ``time``.

        Returns the alerts to send, and for how long nothing is learnt from which accounts.
        """
        alerts, confirmed = self._incidents.record_feedback(time, verdicts, suppressions)
        for one in confirmed:
            self._detector.note_confirmed(one.accounts, until=one.until)
        return alerts, confirmed

    def forget_accounts(self, time: float, accounts: Collection[str]) -> list[Alert]:
        """Forget accounts after the window that ended at ``time``; return what is to be sent."""
        self._detector.forget(accounts)
        return self._incidents.forget_accounts(time, accounts)

    def _detect(self, due: float) -> None:
        with self._metrics.stage_seconds.labels(stage="scoring").time():
            clusters = self._detector.detect(due)
        self._incidents.apply_clusters(due, clusters)

    # -- durable rows -------------------------------------------------------------------------

    def release(self) -> None:
        """Take these incidents out of the gauges."""
        self._incidents.release()

    @property
    def durable(self) -> Mapping[str, Durable]:
        """Return everything with durable rows, by name."""
        return {**self._detector.durable, **self._incidents.durable}

    def recovered(self) -> None:
        """Continue after everything durable is loaded."""
        self._incidents.recovered()
