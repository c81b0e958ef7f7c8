r"""Incidents over event time: one per cause, opened, updated, resolved and re-opened.

::

    score     ____/‾‾‾‾‾‾\_/‾‾‾\____________________/‾‾‾
              |   open   (clear..open: stays open) |   re-opened within the cool-down: same id
    open      ····|======================|·········|==
    notified  ····|===== firing ===|···············|==    verdict "no attack" at ┤
                                      ◀───────▶ resolve_after_s without evidence

Timers fire at their own event time: how often :meth:`Incidents.advance` is called without findings
changes nothing. Feedback arrives between windows and changes only what receivers get: a suppressed
incident stays open, and fires when nothing hides it any more.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from stream.alerting.account_incidents import AccountIncidents
from stream.alerting.campaign_incidents import CampaignIncidents
from stream.alerting.feedback_settings import FeedbackSettings
from stream.alerting.lifecycle import Lifecycle
from stream.alerting.mute_lookup import MuteLookup
from stream.alerting.notifier import Notifier
from stream.alerting.score_watch import unwatched
from stream.alerting.store import IncidentStore
from stream.alerting.suppressions import Suppressions
from stream.alerting.verdict_table import VerdictTable
from stream.core.packets import Confirmed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from stream.alerting.egress_ledger import EgressLedger
    from stream.alerting.incident import Incident
    from stream.alerting.metrics import AlertingMetrics
    from stream.alerting.score_watch import ScoreWatch
    from stream.alerting.settings import AlertingSettings
    from stream.campaigns.types import Cluster, IndicatorLookup
    from stream.core.alerts import Alert
    from stream.core.feedback import Suppression, Verdict
    from stream.core.findings import AccountFinding
    from stream.store.durable import Durable


class Incidents:
    """All incidents of the system, of accounts and of campaigns, and people's feedback."""

    def __init__(
        self,
        settings: AlertingSettings,
        feedback: FeedbackSettings | None = None,
        *,
        links: IndicatorLookup,
        ledger: EgressLedger,
        min_members: int,
        max_members: int,
        metrics: AlertingMetrics,
        watch: ScoreWatch = unwatched,
    ) -> None:
        """Start without any; ``watch`` receives every score, even one that opens nothing.

        ``links`` has the indicators of clusters and their accounts; ``ledger`` gets what campaigns
        sent; a campaign has at least
        ``min_members`` accounts, and ``max_members`` of it are remembered.
        """
        feedback = feedback or FeedbackSettings()
        self._mute_s = feedback.mute_s
        self._resolve_after_s = settings.resolve_after_s
        self._metrics = metrics
        self._verdicts = VerdictTable(feedback, metrics=metrics)
        self._suppressions = Suppressions(feedback, least_members=min_members, metrics=metrics)
        self._store = IncidentStore(settings, metrics=metrics)
        self._mutes = MuteLookup(self._verdicts, self._suppressions, links)
        notifier = Notifier(settings, metrics=metrics)
        self._lifecycle = Lifecycle(self._store, self._mutes, notifier, metrics=metrics)
        common = (settings, self._store, self._lifecycle, self._verdicts)
        self._accounts = AccountIncidents(*common, metrics=metrics, watch=watch)
        self._campaigns = CampaignIncidents(
            *common,
            ledger=ledger,
            min_members=min_members,
            max_members=max_members,
            metrics=metrics,
            watch=watch,
        )
        #: Everything with durable rows, by name.
        self.durable: Final[Mapping[str, Durable]] = {
            "verdicts": self._verdicts,
            "suppressions": self._suppressions,
            "incidents": self._store,
        }

    def apply_findings(self, findings: Sequence[AccountFinding]) -> None:
        """Open, update and re-open incidents of accounts."""
        for finding in sorted(findings, key=lambda f: f.account_id):
            self._accounts.apply(finding)

    def apply_clusters(self, time: float, clusters: Sequence[Cluster]) -> None:
        """Open, update, merge and re-open campaigns by all clusters, as scored at ``time``."""
        self._mutes.refresh()
        for cluster in clusters:
            self._campaigns.apply(time, cluster)

    def take(self) -> list[Alert]:
        """Return the alerts to send since the last call."""
        return self._lifecycle.take()

    def record_feedback(
        self, time: float, verdicts: Sequence[Verdict], suppressions: Sequence[Suppression]
    ) -> tuple[list[Alert], list[Confirmed]]:
        """Take in feedback after the window that ended at ``time``.

        Returns the alerts to send, and for how long nothing is learnt from which accounts.
        """
        for suppression in suppressions:
            self._suppressions.record(time, suppression)
        labelled = {one.key: one for one in verdicts if self._record_verdict(time, one)}
        self._lifecycle.review(time, labelled)
        confirmed = [
            _confirmed(self._store.incident(name), verdict, time + self._mute_s)
            for name, verdict in sorted(labelled.items())
        ]
        return self._lifecycle.take(), confirmed

    def forget_accounts(self, time: float, accounts: Collection[str]) -> list[Alert]:
        """Forget accounts after the window that ended at ``time``.

        Returns the ends of their own incidents; those of campaigns stay, without them.
        """
        self._accounts.forget(time, accounts)
        self._campaigns.forget(accounts)
        self._verdicts.forget(accounts)
        self._suppressions.forget(accounts)
        return self._lifecycle.take()

    # -- time ---------------------------------------------------------------------------------

    def advance(self, time: float, *, including: bool) -> None:
        """Resolve incidents and end mutes before ``time``, each at its own time; then forget.

        ``including`` those at ``time`` itself: findings of a time come before its timers.
        Incidents whose cool-down has ended by ``time`` are dropped.
        """
        while True:
            ending = min(self._store.open.last_evidence, default=(math.inf, ""))
            resolving = ending[0] + self._resolve_after_s
            unmuting = min(self._verdicts.due, self._suppressions.due)
            due = min(resolving, unmuting)
            if due > time or (due == time and not including) or due == math.inf:
                break
            if due == unmuting:
                self._end_mutes(due)
            else:
                self._lifecycle.resolve(ending[1], due)
        self._store.forget(time)

    def _end_mutes(self, time: float) -> None:
        self._verdicts.expire(time)
        self._suppressions.expire(time)
        self._lifecycle.review(time)

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

    # -- durable rows -------------------------------------------------------------------------

    def release(self) -> None:
        """Take these incidents out of the gauges."""
        self._store.open.release()
        self._suppressions.release()

    def recovered(self) -> None:
        """Continue after everything durable is loaded."""
        self._mutes.refresh()


def _confirmed(incident: Incident, verdict: Verdict, until: float) -> Confirmed:
    is_true = verdict.label == "true_positive"
    return Confirmed(accounts=incident.accounts, until=until if is_true else 0.0)
