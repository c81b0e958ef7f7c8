r"""Incidents over event time: one per cause, opened, updated, resolved and re-opened.

::

    score   ____/‾‾‾‾‾‾\_/‾‾‾\____________________/‾‾‾
            |   open   (clear..open: goes on)  |   re-opened within the cool-down: same id
    goes on ····|======================|···········|==
    told    ····|===== firing ===|··················|==    a person judged it no attack at ┤
                                      ◀───────▶ resolve_after_s without evidence

Timers fire at their own time, whenever they are asked: how often :meth:`Incidents.step` is called
without findings changes nothing. What people say is heard between steps and changes only what is
told: an incident that is kept quiet goes on, and fires when nothing keeps it quiet any more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.alerting import summaries
from stream.alerting.incident import Incident, alert_id, greater
from stream.alerting.judgements import Judgements
from stream.alerting.register import Register
from stream.alerting.settings import FeedbackSettings
from stream.alerting.suppressions import Suppressions
from stream.alerting.tally import more, observed, united, unpacked
from stream.alerting.telling import Telling
from stream.campaigns.clusters.detector import ClusterDetector
from stream.core.findings import Observed
from stream.core.links import LinkKind
from stream.core.packets import Confirmed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.alerting.settings import AlertingSettings
    from stream.campaigns.clusters.detector import Cluster
    from stream.campaigns.settings import CampaignSettings
    from stream.core.alerts import Alert
    from stream.core.batch import Array
    from stream.core.feedback import Judgement, Suppression
    from stream.core.findings import AccountFinding, Group
    from stream.telemetry.metrics import Metrics

_CAMPAIGN_MODEL: Final = "campaigns-6"
_DAY_S: Final = 86400.0

#: Hears of every score: event time, the accounts it is about, the score.
ScoreWatch = Callable[[float, Sequence[str], float], None]


def unwatched(_time: float, _accounts: Sequence[str], _score: float) -> None:
    """Watch nothing."""


class Incidents:
    """All incidents of the system, the clusters that campaigns come from, and what people say."""

    #: What stored rows consist of.
    LAYOUT: Final = {
        **ClusterDetector.LAYOUT,
        **Register.LAYOUT,
        **Judgements.LAYOUT,
        **Suppressions.LAYOUT,
    }

    def __init__(
        self,
        settings: AlertingSettings,
        campaigns: CampaignSettings,
        feedback: FeedbackSettings | None = None,
        *,
        metrics: Metrics,
        watch: ScoreWatch = unwatched,
        among: Incidents | None = None,
    ) -> None:
        """Start without any; ``watch`` hears of scores that open nothing too.

        Accounts are compared with those that ``among`` knows as well.
        """
        feedback = feedback or FeedbackSettings()
        self._quiet_s = feedback.quiet_s
        self._settings = settings
        self._watch = watch
        self._most_members = campaigns.max_campaign_accounts
        self._metrics = metrics
        self._clusters: ClusterDetector = ClusterDetector(
            campaigns,
            metrics=metrics,
            thresholds=settings.thresholds,
            among=None if among is None else among._clusters,  # noqa: SLF001 - of the same kind
        )
        self._judgements = Judgements(feedback, metrics=metrics)
        self._suppressions = Suppressions(
            feedback, least_members=campaigns.min_members, metrics=metrics
        )
        self._register = Register(settings, metrics=metrics)
        self._telling = Telling(
            settings,
            self._register,
            self._judgements,
            self._suppressions,
            self._clusters,
            metrics=metrics,
        )
        #: Everything with durable rows.
        self._parts = (self._clusters, self._judgements, self._suppressions, self._register)

    def step(self, time: float, findings: list[AccountFinding], groups: list[Group]) -> list[Alert]:
        """Take in the findings of the step that ends at ``time``; return the alerts to send."""
        self._run_timers(time, including=False)
        if groups:
            self._clusters.add(time, groups)
        self._judge(until=time)
        for finding in sorted(findings, key=lambda f: f.account_id):
            self._hear(finding)
        self._run_timers(time, including=True)
        return self._telling.take()

    def hear(
        self, time: float, judgements: Sequence[Judgement], suppressions: Sequence[Suppression]
    ) -> tuple[list[Alert], list[Confirmed]]:
        """Take in what people say after the step that ended at ``time``.

        Returns the alerts to send, and from whom nothing is to be learnt for how long.
        """
        for suppression in suppressions:
            self._suppressions.hear(time, suppression)
        judged = {one.key: one for one in judgements if self._hear_judgement(time, one)}
        self._telling.review(time, judged)
        confirmed = [self._confirmed(time, one) for _, one in sorted(judged.items())]
        return self._telling.take(), confirmed

    # -- time ---------------------------------------------------------------------------------

    def _run_timers(self, time: float, *, including: bool) -> None:
        """Judge clusters, resolve incidents and end what keeps them quiet, each at its own time."""
        while True:
            ending = min(self._ends(), default=(math.inf, ""))
            lapsing = min(self._judgements.due, self._suppressions.due)
            judging = self._clusters.due
            due = min(ending[0], lapsing, judging)
            if due > time or (due == time and not including) or due == math.inf:
                break
            if due == lapsing:
                self._lapse(due)
            elif due == judging:
                self._judge(until=judging)
            else:
                self._telling.resolve(self._register.incident(ending[1]), due)
        self._register.forget(time)

    def _ends(self) -> list[tuple[float, str]]:
        """Return when incidents end unless something happens."""
        after_s = self._settings.resolve_after_s
        return [(incident.last + after_s, incident.alert_id) for incident in self._register.going]

    def _lapse(self, time: float) -> None:
        self._judgements.lapse(time)
        self._suppressions.lapse(time)
        self._telling.review(time)

    # -- people -------------------------------------------------------------------------------

    def _hear_judgement(self, time: float, judgement: Judgement) -> bool:
        """Say whether there is an incident that a judgement tells something new of."""
        incident = self._register.get(judgement.alert_id)
        values = self._telling.values(incident) if incident else set()
        result = self._judgements.hear(time, judgement, incident, values)
        self._metrics.verdicts_total.labels(verdict=judgement.verdict, result=result).inc()
        if result != "applied" or incident is None:
            return False
        incident.judgement = judgement
        self._register.keep(incident)
        return True

    def _confirmed(self, time: float, judgement: Judgement) -> Confirmed:
        incident = self._register.incident(judgement.alert_id)
        accounts = incident.members if incident.kind == "campaign" else [incident.subject]
        is_true = judgement.verdict == "true_positive"
        return Confirmed(accounts=accounts, until=time + self._quiet_s if is_true else 0.0)

    # -- accounts -----------------------------------------------------------------------------

    def _hear(self, finding: AccountFinding) -> None:
        score = self._judgements.moved("account", finding.score, finding.evidence)
        self._watch(finding.time, (finding.account_id,), score)
        incident = self._register.find("account", finding.account_id)
        if score < self._least(incident):
            return
        if self._register.in_campaign(finding.account_id):
            self._metrics.alerts_suppressed_total.labels(reason="merged").inc()
            return
        if incident is None:
            if not self._register.has_room("account"):
                return
            day = int(finding.since // _DAY_S)
            incident = Incident(
                alert_id=alert_id("account", finding.account_id, day),
                kind="account",
                subject=finding.account_id,
                score=score,
                started=finding.since,
                detected=finding.time,
                last=finding.time,
                observed=finding.observed,
                evidence=finding.evidence,
                model_version=finding.model_version,
            )
        incident.score, incident.evidence = score, finding.evidence
        incident.observed = greater(incident.observed, finding.observed)
        incident.model_version = self._judgements.version("account", finding.model_version)
        incident.summary = summaries.account(
            finding.account_id, finding.evidence, incident.observed
        )
        self._telling.carry_on(incident, finding.time, last=finding.time)

    def _least(self, incident: Incident | None) -> float:
        """Return the score from which there is evidence: hysteresis."""
        going_on = incident is not None and incident.going
        return self._settings.clear_score if going_on else self._settings.open_score

    # -- campaigns ----------------------------------------------------------------------------

    def _judge(self, *, until: float) -> None:
        if self._clusters.due <= until:
            due = self._clusters.due
            with self._metrics.stage_seconds.labels(stage="judging").time():
                clusters = self._clusters.judge(due)
            self._telling.look_up()
            for cluster in clusters:
                self._hear_cluster(due, cluster)

    def _hear_cluster(self, time: float, cluster: Cluster) -> None:
        score = self._judgements.moved("campaign", cluster.score, cluster.evidence)
        self._metrics.score.labels(kind="campaign").observe(score)
        self._watch(time, cluster.members, score)
        incident = self._merge(time, cluster)
        if score < self._least(incident):
            return
        # What has ended long ago is no reason to open an incident, or to keep one open.
        if cluster.last + self._settings.resolve_after_s <= time:
            return
        if incident is None:
            if not self._register.has_room("campaign"):
                return
            incident = Incident(
                alert_id=alert_id("campaign", cluster.campaign_id),
                kind="campaign",
                subject=cluster.campaign_id,
                campaign_id=cluster.campaign_id,
                score=score,
                started=cluster.since,
                detected=time,
                last=cluster.last,
                observed=Observed(),
                evidence=cluster.evidence,
                model_version=_CAMPAIGN_MODEL,
            )
        self._join(incident, cluster.members)
        self._count(incident, time, cluster)
        incident.score = score
        incident.evidence = cluster.evidence
        incident.shared = cluster.shared
        incident.model_version = self._judgements.version("campaign", _CAMPAIGN_MODEL)
        incident.proxies = cluster.payments > 1 or LinkKind.ADDRESS in cluster.kinds
        incident.summary = summaries.campaign(
            len(incident.members), cluster.kinds, cluster.payments, incident.observed
        )
        self._telling.carry_on(incident, time, last=cluster.last)

    def _merge(self, time: float, cluster: Cluster) -> Incident | None:
        """Return the oldest incident of a cluster and of those it took in; close the others."""
        found = [
            incident
            for name in (cluster.campaign_id, *cluster.absorbed)
            if (incident := self._register.find("campaign", name)) is not None
        ]
        if not found:
            return None
        oldest, *others = sorted(found, key=lambda i: (not i.going, i.detected, i.alert_id))
        for other in others:
            self._join(oldest, other.members, unpacked(other.tally))
            self._register.rename(other, "")
            if other.going:
                self._telling.close(other, time, oldest)
        self._register.rename(oldest, cluster.campaign_id)
        return oldest

    def _join(self, campaign: Incident, members: list[str], tally: Array | None = None) -> None:
        """Add members to those that were told of, as many as are remembered, with their tally."""
        new = sorted({*members}.difference(campaign.members))
        room = self._most_members - len(campaign.members)
        if len(new) > room:
            self._metrics.left_out_total.labels(what="members").inc(len(new) - room)
        everyone = sorted([*campaign.members, *new[:room]])
        known = (campaign.members, unpacked(campaign.tally))
        with_them = () if tally is None else ((members, tally),)
        campaign.tally = united(everyone, known, *with_them).tobytes()
        campaign.members = everyone

    def _count(self, campaign: Incident, time: float, cluster: Cluster) -> None:
        """Count what the members did since they were counted last."""
        place = {name: i for i, name in enumerate(campaign.members)}
        pairs = [(place[n], i) for i, n in enumerate(cluster.members) if n in place]
        at, of = np.array(pairs, np.int64).reshape(-1, 2).T
        tally, reports = unpacked(campaign.tally).copy(), cluster.reports[of]
        tally[at] = more(tally[at], reports)
        campaign.tally = tally.tobytes()
        campaign.observed = observed(tally, reports, time)

    # -- durable rows -------------------------------------------------------------------------

    def release(self) -> None:
        """Give back what the gauges have of these incidents."""
        self._register.release()
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
        self._telling.look_up()
