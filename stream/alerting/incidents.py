r"""Incidents over event time: one per cause, opened, updated, resolved and re-opened.

::

    score     ____/‾‾‾‾‾‾\_/‾‾‾\____________________/‾‾‾
              |   open   (clear..open: stays open) |   re-opened within the cool-down: same id
    open      ····|======================|·········|==
    notified  ····|===== firing ===|···············|==    a person judged it no attack at ┤
                                      ◀───────▶ resolve_after_s without evidence

Timers fire at their own event time: how often :meth:`Incidents.step` is called without findings
changes nothing. Feedback arrives between windows and changes only what receivers get: a suppressed
incident stays open, and fires when nothing hides it any more.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from stream.alerting.account_incidents import AccountIncidents
from stream.alerting.campaign_incidents import CampaignIncidents
from stream.alerting.lifecycle import Lifecycle
from stream.alerting.mute_lookup import MuteLookup
from stream.alerting.notifier import Notifier
from stream.alerting.settings import FeedbackSettings
from stream.alerting.store import IncidentStore
from stream.alerting.suppressions import Suppressions
from stream.alerting.verdict_table import VerdictTable
from stream.alerting.watch import unwatched
from stream.campaigns.clusters.detector import ClusterDetector
from stream.core.packets import Confirmed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stream.alerting.metrics import AlertingMetrics
    from stream.alerting.settings import AlertingSettings
    from stream.alerting.watch import ScoreWatch
    from stream.campaigns.settings import CampaignSettings
    from stream.core.alerts import Alert
    from stream.core.feedback import Suppression, Verdict
    from stream.core.findings import AccountFinding, Group


class Incidents:
    """All incidents of the system, the clusters that campaigns come from, and people's feedback."""

    #: What stored rows consist of.
    LAYOUT: Final = {
        **ClusterDetector.LAYOUT,
        **IncidentStore.LAYOUT,
        **VerdictTable.LAYOUT,
        **Suppressions.LAYOUT,
    }

    def __init__(
        self,
        settings: AlertingSettings,
        campaigns: CampaignSettings,
        feedback: FeedbackSettings | None = None,
        *,
        metrics: AlertingMetrics,
        watch: ScoreWatch = unwatched,
        among: Incidents | None = None,
    ) -> None:
        """Start without any; ``watch`` receives every score, even one that opens nothing.

        Accounts are compared with those that ``among`` knows as well.
        """
        feedback = feedback or FeedbackSettings()
        self._mute_s = feedback.mute_s
        self._resolve_after_s = settings.resolve_after_s
        self._metrics = metrics
        self._clusters: ClusterDetector = ClusterDetector(
            campaigns,
            metrics=metrics,
            thresholds=settings.thresholds,
            among=None if among is None else among._clusters,  # noqa: SLF001 - of the same kind
        )
        self._verdicts = VerdictTable(feedback, metrics=metrics)
        self._suppressions = Suppressions(
            feedback, least_members=campaigns.min_members, metrics=metrics
        )
        self._store = IncidentStore(settings, metrics=metrics)
        self._mutes = MuteLookup(self._verdicts, self._suppressions, self._clusters)
        notifier = Notifier(settings, metrics=metrics)
        self._lifecycle = Lifecycle(self._store, self._mutes, notifier, metrics=metrics)
        common = (settings, self._store, self._lifecycle, self._verdicts)
        self._accounts = AccountIncidents(*common, metrics=metrics, watch=watch)
        self._campaigns = CampaignIncidents(
            *common, max_members=campaigns.max_campaign_accounts, metrics=metrics, watch=watch
        )
        #: Everything with durable rows.
        self._parts = (self._clusters, self._verdicts, self._suppressions, self._store)

    def step(self, time: float, findings: list[AccountFinding], groups: list[Group]) -> list[Alert]:
        """Take in the findings of the window that ends at ``time``; return the alerts to send."""
        self._run_timers(time, including=False)
        if groups:
            self._clusters.add(time, groups)
        self._score_clusters(until=time)
        for finding in sorted(findings, key=lambda f: f.account_id):
            self._accounts.apply(finding)
        self._run_timers(time, including=True)
        return self._lifecycle.take()

    def record_feedback(
        self, time: float, verdicts: Sequence[Verdict], suppressions: Sequence[Suppression]
    ) -> tuple[list[Alert], list[Confirmed]]:
        """Take in feedback after the window that ended at ``time``.

        Returns the alerts to send, and for how long nothing is learnt from which accounts.
        """
        for suppression in suppressions:
            self._suppressions.record(time, suppression)
        judged = {one.key: one for one in verdicts if self._record_verdict(time, one)}
        self._lifecycle.review(time, judged)
        confirmed = [self._confirmed(time, one) for _, one in sorted(judged.items())]
        return self._lifecycle.take(), confirmed

    # -- time ---------------------------------------------------------------------------------

    def _run_timers(self, time: float, *, including: bool) -> None:
        """Score clusters, resolve incidents and end mutes, each at its own time."""
        while True:
            ending = min(self._store.last_evidence, default=(math.inf, ""))
            resolving = ending[0] + self._resolve_after_s
            unmuting = min(self._verdicts.due, self._suppressions.due)
            scoring = self._clusters.due
            due = min(resolving, unmuting, scoring)
            if due > time or (due == time and not including) or due == math.inf:
                break
            if due == unmuting:
                self._end_mutes(due)
            elif due == scoring:
                self._score_clusters(until=scoring)
            else:
                self._lifecycle.resolve(ending[1], due)
        self._store.forget(time)

    def _end_mutes(self, time: float) -> None:
        self._verdicts.expire(time)
        self._suppressions.expire(time)
        self._lifecycle.review(time)

    def _score_clusters(self, *, until: float) -> None:
        due = self._clusters.due
        if due > until:
            return
        with self._metrics.stage_seconds.labels(stage="scoring").time():
            clusters = self._clusters.judge(due)
        self._mutes.refresh()
        for cluster in clusters:
            self._campaigns.apply(due, cluster)

    # -- feedback -----------------------------------------------------------------------------

    def _record_verdict(self, time: float, verdict: Verdict) -> bool:
        """Return whether a verdict is new for an incident that is remembered."""
        incident = self._store.get(verdict.alert_id)
        values = self._mutes.values(incident) if incident else set()
        result = self._verdicts.record(time, verdict, incident, values)
        self._metrics.verdicts_total.labels(verdict=verdict.label, result=result).inc()
        if result != "applied" or incident is None:
            return False
        self._lifecycle.record_verdict(verdict)
        return True

    def _confirmed(self, time: float, verdict: Verdict) -> Confirmed:
        is_true = verdict.label == "true_positive"
        return Confirmed(
            accounts=self._store.incident(verdict.alert_id).accounts,
            until=time + self._mute_s if is_true else 0.0,
        )

    # -- durable rows -------------------------------------------------------------------------

    def release(self) -> None:
        """Take these incidents out of the gauges."""
        self._store.release()
        self._suppressions.release()

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return the rows changed since the last call; None deletes."""
        return [row for part in self._parts for row in part.take_changes()]

    def load(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take over stored rows in the order they were written; then :meth:`loaded`."""
        rows = list(rows)
        for part in self._parts:
            part.load(rows)

    def loaded(self) -> None:
        """Say that all rows are loaded."""
        for part in self._parts:
            part.loaded()
        self._mutes.refresh()
