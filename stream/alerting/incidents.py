r"""Incidents over event time: one per cause, opened, updated, resolved and re-opened.

::

    score   ____/‾‾‾‾‾‾\_/‾‾‾\____________________/‾‾‾
            |   open   (clear..open: goes on)  |   re-opened within the cool-down: same id
    state   ····|======= firing ===============|··|====
                                      ◀───────▶ resolve_after_s without evidence

Timers fire at their own time, whenever they are asked: how often :meth:`Incidents.step` is called
without findings changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from stream.alerting import summaries
from stream.alerting.incident import SEVERITIES, Incident, alert_id, severity
from stream.campaigns.clusters import Clusters
from stream.types.links import LinkKind
from stream.types.verdicts import Evidence, Observed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.alerting.settings import AlertingSettings
    from stream.campaigns.clusters import Cluster
    from stream.campaigns.settings import CampaignSettings
    from stream.metrics import Metrics
    from stream.types.alerts import Alert
    from stream.types.verdicts import Group, Severity, Verdict

_INCIDENT: Final = b"i"
_CAMPAIGN_MODEL: Final = "campaigns-1"
_DAY_S: Final = 86400.0
_HOUR_S: Final = 3600.0
_GREAT_GROWTH: Final = 0.25
#: The part of the firing incidents, one in so many, that only campaigns may be.
_FOR_CAMPAIGNS: Final = 4
#: One in so many makes room at once.
_SPARE: Final = 16

#: Hears of every score: event time, the accounts it is about, the score.
ScoreWatch = Callable[[float, Sequence[str], float], None]


def unwatched(_time: float, _accounts: Sequence[str], _score: float) -> None:
    """Watch nothing."""


class Incidents:
    """All incidents of the system, and the clusters that campaigns come from."""

    #: What stored rows consist of.
    LAYOUT: Final = {
        **Clusters.LAYOUT,
        **{
            part.__name__: " ".join(part.__struct_fields__)
            for part in (Incident, Observed, Evidence)
        },
    }

    def __init__(
        self,
        settings: AlertingSettings,
        campaigns: CampaignSettings,
        *,
        metrics: Metrics,
        watch: ScoreWatch = unwatched,
        among: Incidents | None = None,
    ) -> None:
        """Start without any; ``watch`` hears of scores that open nothing too.

        Accounts are compared with those that ``among`` knows as well.
        """
        self._settings = settings
        self._watch = watch
        self._most_members = campaigns.max_campaign_accounts
        self._metrics = metrics
        self._clusters: Clusters = Clusters(
            campaigns,
            metrics=metrics,
            among=None if among is None else among._clusters,  # noqa: SLF001 - of the same kind
        )
        self._incidents: dict[str, Incident] = {}
        #: The incident of each account or cluster, while firing or cooling down.
        self._of: dict[tuple[str, str], str] = {}
        #: The firing campaign incident of each member.
        self._campaign_of: dict[str, str] = {}
        self._firing = 0
        self._dirty: set[str] = set()
        self._stored: set[str] = set()  # that have a durable row
        self._alerts: list[Alert] = []

    def step(self, time: float, verdicts: list[Verdict], groups: list[Group]) -> list[Alert]:
        """Take in the findings of the step that ends at ``time``; return the alerts to send."""
        self._run_timers(time, including=False)
        if groups:
            self._clusters.add(time, groups)
        self._judge(until=time)
        for verdict in sorted(verdicts, key=lambda v: v.account_id):
            self._hear(verdict)
        self._run_timers(time, including=True)
        alerts, self._alerts = self._alerts, []
        return alerts

    # -- time ---------------------------------------------------------------------------------

    def _run_timers(self, time: float, *, including: bool) -> None:
        """Judge clusters and resolve incidents, each at its own time, in order."""
        while True:
            judging = self._clusters.due
            for end, name in self._ends(until=time):
                if end >= judging or (end == time and not including):
                    break
                self._resolve(self._incidents[name], end)
            if judging > time or (judging == time and not including) or judging == math.inf:
                break
            self._judge(until=judging)
        self._forget(time)

    def _ends(self, *, until: float) -> list[tuple[float, str]]:
        """Return when incidents end by then unless something happens, in order."""
        after_s = self._settings.resolve_after_s
        return sorted(
            (incident.last + after_s, incident.alert_id)
            for incident in self._incidents.values()
            if incident.firing and incident.last + after_s <= until
        )

    def _forget(self, time: float) -> None:
        cold = [
            incident
            for incident in self._incidents.values()
            if not incident.firing and incident.closed + self._settings.cool_down_s < time
        ]
        for incident in cold:
            self._drop(incident)

    def _drop(self, incident: Incident) -> None:
        del self._incidents[incident.alert_id]
        if self._of.get((incident.kind, incident.subject)) == incident.alert_id:
            del self._of[incident.kind, incident.subject]
        self._dirty.discard(incident.alert_id)
        if incident.alert_id in self._stored:
            self._dirty.add(incident.alert_id)

    def _has_room(self, kind: str) -> bool:
        """Say whether one more may open; the coldest make room for it.

        Accounts leave a part of the room to campaigns.
        """
        most = self._settings.max_incidents
        firing = most - most // _FOR_CAMPAIGNS if kind == "account" else most
        if self._firing >= firing:
            self._metrics.left_out_total.labels(what="incidents").inc()
            return False
        if len(self._incidents) >= most:
            cold = sorted((i.closed, i.alert_id) for i in self._incidents.values() if not i.firing)
            for _, name in cold[: 1 + most // _SPARE]:
                self._drop(self._incidents[name])
        return True

    # -- accounts -----------------------------------------------------------------------------

    def _hear(self, verdict: Verdict) -> None:
        self._watch(verdict.time, (verdict.account_id,), verdict.score)
        incident = self._find("account", verdict.account_id)
        going_on = incident is not None and incident.firing
        least = self._settings.clear_score if going_on else self._settings.open_score
        if verdict.score < least:
            return
        if verdict.account_id in self._campaign_of:
            self._metrics.alerts_suppressed_total.labels(reason="merged").inc()
            return
        if incident is None:
            if not self._has_room("account"):
                return
            day = int(verdict.since // _DAY_S)
            incident = Incident(
                alert_id=alert_id("account", verdict.account_id, day),
                kind="account",
                subject=verdict.account_id,
                status="resolved",
                score=verdict.score,
                started=verdict.since,
                detected=verdict.time,
                updated=verdict.time,
                last=verdict.time,
                observed=verdict.observed,
                evidence=verdict.evidence,
                model_version=verdict.model_version,
            )
        incident.score, incident.evidence = verdict.score, verdict.evidence
        incident.observed = _greater(incident.observed, verdict.observed)
        incident.model_version = verdict.model_version
        incident.summary = summaries.account(
            verdict.account_id, verdict.evidence, incident.observed
        )
        self._carry_on(incident, verdict.time, last=verdict.time)

    # -- campaigns ----------------------------------------------------------------------------

    def _judge(self, *, until: float) -> None:
        if self._clusters.due <= until:
            due = self._clusters.due
            for cluster in self._clusters.judge(due):
                self._hear_cluster(due, cluster)

    def _hear_cluster(self, time: float, cluster: Cluster) -> None:
        self._metrics.score.labels(kind="campaign").observe(cluster.score)
        self._watch(time, cluster.members, cluster.score)
        incident = self._merge(time, cluster)
        going_on = incident is not None and incident.firing
        least = self._settings.clear_score if going_on else self._settings.open_score
        if cluster.score < least:
            return
        # What has ended long ago is no reason to open an incident, or to keep one open.
        if cluster.last + self._settings.resolve_after_s <= time:
            return
        if incident is None:
            if not self._has_room("campaign"):
                return
            incident = Incident(
                alert_id=alert_id("campaign", cluster.campaign_id),
                kind="campaign",
                subject=cluster.campaign_id,
                campaign_id=cluster.campaign_id,
                status="resolved",
                score=cluster.score,
                started=cluster.since,
                detected=time,
                updated=time,
                last=cluster.last,
                observed=cluster.observed,
                evidence=cluster.evidence,
                model_version=_CAMPAIGN_MODEL,
            )
        self._join(incident, cluster.members)
        incident.score = cluster.score
        incident.evidence = cluster.evidence
        incident.observed = _greater(incident.observed, cluster.observed)
        incident.proxies = cluster.payments > 1 or LinkKind.ADDRESS in cluster.kinds
        incident.summary = summaries.campaign(
            len(incident.members), cluster.kinds, cluster.payments, incident.observed
        )
        self._carry_on(incident, time, last=cluster.last)
        self._fold(incident, time)

    def _merge(self, time: float, cluster: Cluster) -> Incident | None:
        """Return the oldest incident of a cluster and of those it took in; close the others."""
        found = [
            incident
            for name in (cluster.campaign_id, *cluster.absorbed)
            if (incident := self._find("campaign", name)) is not None
        ]
        if not found:
            return None
        oldest, *others = sorted(found, key=lambda i: (not i.firing, i.detected, i.alert_id))
        for other in others:
            self._join(oldest, other.members)
            del self._of["campaign", other.subject]
            other.subject = ""  # nothing re-opens it
            self._dirty.add(other.alert_id)
            if other.firing:
                self._close(other, time, oldest)
        if oldest.subject != cluster.campaign_id:
            self._of.pop(("campaign", oldest.subject), None)
            oldest.subject = cluster.campaign_id
            self._of["campaign", oldest.subject] = oldest.alert_id
        self._dirty.add(oldest.alert_id)
        return oldest

    def _join(self, campaign: Incident, members: Iterable[str]) -> None:
        """Add members to those that were told of, as many as are remembered."""
        new = sorted({*members}.difference(campaign.members))
        room = self._most_members - len(campaign.members)
        if len(new) > room:
            self._metrics.left_out_total.labels(what="members").inc(len(new) - room)
        campaign.members = sorted([*campaign.members, *new[:room]])

    def _fold(self, campaign: Incident, time: float) -> None:
        """Close the account incidents of a campaign's members."""
        for member in campaign.members:
            self._campaign_of.setdefault(member, campaign.alert_id)
            incident = self._find("account", member)
            if incident is not None and incident.firing:
                self._close(incident, time, campaign)

    # -- states -------------------------------------------------------------------------------

    def _find(self, kind: str, subject: str) -> Incident | None:
        name = self._of.get((kind, subject))
        return None if name is None else self._incidents[name]

    def _carry_on(self, incident: Incident, time: float, *, last: float) -> None:
        """Open or go on; tell of it when something material has changed."""
        grave = self._severity(incident)
        first = incident.alert_id not in self._incidents
        opened = not incident.firing
        self._incidents[incident.alert_id] = incident
        self._of[incident.kind, incident.subject] = incident.alert_id
        incident.last = max(incident.last, last)
        stale = time - incident.updated >= self._settings.resend_s
        changed = grave != incident.severity
        if opened or (changed and incident.firing):
            if incident.firing:
                self._gauge(incident, -1)
            incident.status, incident.severity = "firing", grave
            self._gauge(incident, 1)
        self._dirty.add(incident.alert_id)
        if first:
            delay = max(0.0, time - incident.started)
            self._metrics.detection_delay_seconds.labels(kind=incident.kind).observe(delay)
        if opened or changed or stale or self._has_grown(incident, time):
            self._send(incident, time)

    def _severity(self, incident: Incident) -> Severity:
        """Return how grave the incident is; while it goes on it does not become less grave."""
        now = severity(self._settings, incident.score, incident.observed)
        return max(now, incident.severity, key=SEVERITIES.index) if incident.firing else now

    def _has_grown(self, incident: Incident, time: float) -> bool:
        new = len(incident.members) - incident.told
        due = time - incident.updated >= self._settings.grow_every_s
        return new > 0 and (due or new >= _GREAT_GROWTH * incident.told)

    def _resolve(self, incident: Incident, time: float) -> None:
        hours = self._settings.resolve_after_s / _HOUR_S
        self._end_with(incident, time, summaries.ended(_what(incident), hours))

    def _close(self, incident: Incident, time: float, into: Incident) -> None:
        self._end_with(incident, time, summaries.merged(_what(incident), into.alert_id))

    def _end_with(self, incident: Incident, time: float, summary: str) -> None:
        self._gauge(incident, -1)
        incident.status, incident.closed, incident.summary = "resolved", time, summary
        self._dirty.add(incident.alert_id)
        for member in incident.members:
            if self._campaign_of.get(member) == incident.alert_id:
                del self._campaign_of[member]
        self._send(incident, time)

    def _send(self, incident: Incident, time: float) -> None:
        incident.updated, incident.told = time, len(incident.members)
        self._alerts.append(incident.alert(self._settings))
        labels = {"kind": incident.kind, "severity": incident.severity}
        self._metrics.alerts_total.labels(**labels).inc()

    def _gauge(self, incident: Incident, by: int) -> None:
        labels = {"kind": incident.kind, "severity": incident.severity}
        self._metrics.incidents_open.labels(**labels).inc(by)
        self._firing += by

    # -- durable rows -------------------------------------------------------------------------

    def release(self) -> None:
        """Give back what the gauges have of these incidents."""
        for incident in self._incidents.values():
            if incident.firing:
                self._gauge(incident, -1)

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return the rows changed since the last call; None deletes."""
        rows: list[tuple[bytes, bytes | None]] = []
        for name in sorted(self._dirty):
            incident = self._incidents.get(name)
            row = None if incident is None else msgspec.msgpack.encode(incident)
            rows.append((_INCIDENT + name.encode(), row))
        self._stored = (self._stored | self._dirty) & self._incidents.keys()
        self._dirty.clear()
        return [*self._clusters.take_changes(), *rows]

    def load(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take over stored rows in the order they were written; then :meth:`loaded`."""
        rows = list(rows)
        self._clusters.load(rows)
        for key, row in rows:
            if key[:1] == _INCIDENT:
                name = key[1:].decode()
                if row is None:
                    self._incidents.pop(name, None)
                else:
                    self._incidents[name] = msgspec.msgpack.decode(row, type=Incident)

    def loaded(self) -> None:
        """Say that all rows are loaded."""
        self._clusters.loaded()
        self._incidents = dict(sorted(self._incidents.items()))
        self._stored = set(self._incidents)
        for incident in self._incidents.values():
            self._index(incident)

    def _index(self, incident: Incident) -> None:
        if incident.subject:
            self._of[incident.kind, incident.subject] = incident.alert_id
        if incident.firing:
            self._gauge(incident, 1)
            for member in incident.members:
                self._campaign_of.setdefault(member, incident.alert_id)


def _what(incident: Incident) -> str:
    if incident.kind == "account":
        return f"Account {incident.subject}"
    return f"Campaign of {len(incident.members)} accounts"


def _greater(one: Observed, other: Observed) -> Observed:
    """Return the field-wise maximum: what was observed once stays observed."""
    return Observed(
        requests=max(one.requests, other.requests),
        input_tokens=max(one.input_tokens, other.input_tokens),
        output_tokens=max(one.output_tokens, other.output_tokens),
    )
