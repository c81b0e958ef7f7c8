"""What is told of incidents: when they open, change, are kept quiet and end. Finds none itself.

How often one that goes on is sent again is :mod:`stream.alerting.updates`'.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec

from stream.alerting import summaries, updates
from stream.alerting.incident import what
from stream.alerting.severity import graver, severity

if TYPE_CHECKING:
    from collections.abc import Collection

    from stream.alerting.incident import Incident
    from stream.alerting.judgements import Judgements
    from stream.alerting.quiet import Quiet, ValueId
    from stream.alerting.register import Register
    from stream.alerting.settings import AlertingSettings
    from stream.alerting.suppressions import Suppressions
    from stream.campaigns.clusters.detector import ClusterDetector
    from stream.core.alerts import Alert
    from stream.core.findings import Severity
    from stream.telemetry.metrics import Metrics

_HOUR_S: Final = 3600.0


class Telling:
    """Changes the state of incidents and collects the alerts that this takes."""

    def __init__(
        self,
        settings: AlertingSettings,
        register: Register,
        judgements: Judgements,
        suppressions: Suppressions,
        clusters: ClusterDetector,
        *,
        metrics: Metrics,
    ) -> None:
        """Have nothing to tell."""
        self._settings = settings
        self._register = register
        self._judgements = judgements
        self._suppressions = suppressions
        self._clusters = clusters
        self._metrics = metrics
        self._users: dict[ValueId, set[str]] = {}  # of values that are suppressed
        self._alerts: list[Alert] = []

    def take(self) -> list[Alert]:
        """Return the alerts since the last call."""
        alerts, self._alerts = self._alerts, []
        return alerts

    # -- going on -----------------------------------------------------------------------------

    def carry_on(self, incident: Incident, time: float, *, last: float) -> None:
        """Open or go on; tell of it when something material has changed."""
        if incident not in self._register:
            delay = max(0.0, time - incident.started)
            self._metrics.detection_delay_seconds.labels(kind=incident.kind).observe(delay)
        told, grave = incident.firing, self._severity(incident)
        changed = not incident.going or grave != incident.severity
        incident.going, incident.severity = True, grave
        incident.last = max(incident.last, last)
        news = changed or self._has_news(incident, time)
        sent = self._tell(incident, time, told=told, news=news)
        if told and sent:
            incident.count = updates.one_more(incident, time)
        elif incident.firing and updates.stale(self._settings, incident, time):
            self._refresh(incident, time)

    def _severity(self, incident: Incident) -> Severity:
        """Return how grave the incident is: it never becomes less grave."""
        now = severity(
            self._settings,
            score=incident.score,
            members=max(len(incident.members), 1),
            observed=incident.observed,
        )
        return graver(now, incident.severity)

    def _has_news(self, incident: Incident, time: float) -> bool:
        """Say whether there is reason to send an incident again, and the limit allows it."""
        if not updates.wanted(self._settings, incident, time):
            return False
        if updates.allowed(self._settings, incident, time):
            return True
        if incident.firing and not incident.count.held:
            incident.count = msgspec.structs.replace(incident.count, held=True)
            self._metrics.alerts_suppressed_total.labels(reason="limit").inc()
        return False

    def _tell(self, incident: Incident, time: float, *, told: bool, news: bool) -> bool:
        """Tell of an incident that goes on, if there is news, unless something keeps it quiet.

        ``told``: it was firing before. Returns whether anything was told.
        """
        quiet = self._quiet(incident)
        incident.hidden = "" if quiet is None else quiet.by
        self._register.keep(incident)
        if quiet is None:
            if news or not told:
                self._send(incident, time)
            if incident.kind == "campaign":
                self._fold(incident, time)
            return news or not told
        if told:
            self._send(incident, time, quiet.summary)
        if told or news:
            self._count(quiet)
            incident.updated = max(time, incident.updated)
            incident.sent = updates.told(incident, time)
        return told

    def _fold(self, campaign: Incident, time: float) -> None:
        """Close the account incidents of a firing campaign's members."""
        for member in campaign.members:
            incident = self._register.find("account", member)
            if incident is not None and incident.going:
                self.close(incident, time, campaign)

    def _send(self, incident: Incident, time: float, summary: str = "") -> None:
        incident.sent = updates.told(incident, time)
        self._show(incident, time)
        self._alerts.append(incident.alert(self._settings, summary))
        labels = {"kind": incident.kind, "severity": incident.severity}
        self._metrics.alerts_total.labels(**labels).inc()

    def _refresh(self, incident: Incident, time: float) -> None:
        """Have the newest figures on the topic; receivers are not told."""
        self._show(incident, time)
        self._alerts.append(incident.alert(self._settings, refresh=True))

    def _show(self, incident: Incident, time: float) -> None:
        # A message is known by its id and time, so each state of an incident has its own.
        incident.updated = max(time, math.floor(incident.updated) + 1.0)
        incident.shown = updates.told(incident, time)
        self._register.keep(incident)

    # -- ending -------------------------------------------------------------------------------

    def resolve(self, incident: Incident, time: float) -> None:
        """End an incident that there was no evidence for, for long."""
        hours = self._settings.resolve_after_s / _HOUR_S
        self._end_with(incident, time, summaries.ended(what(incident), hours))

    def close(self, incident: Incident, time: float, into: Incident) -> None:
        """End an incident that goes on as another one."""
        self._end_with(incident, time, summaries.merged(what(incident), into.alert_id))

    def _end_with(self, incident: Incident, time: float, summary: str) -> None:
        told = incident.firing
        incident.going, incident.hidden, incident.closed = False, "", time
        incident.summary = summary
        self._register.keep(incident)
        if told:
            self._send(incident, time)

    # -- keeping quiet ------------------------------------------------------------------------

    def look_up(self) -> None:
        """Find out anew which accounts use what is suppressed."""
        self._users = self._clusters.users(self._suppressions.values)

    def review(self, time: float, judged: Collection[str] = ()) -> None:
        """Find out anew what is kept quiet; of incidents that were ``judged`` tell anyway."""
        self.look_up()
        for incident in self._register.going:
            if incident.alert_id not in judged and incident.going:  # not folded meanwhile
                quiet = self._quiet(incident)
                if incident.hidden != ("" if quiet is None else quiet.by):
                    self._tell(incident, time, told=incident.firing, news=False)
        for name in sorted(judged):
            self._answer(self._register.incident(name), time)

    def _answer(self, incident: Incident, time: float) -> None:
        """Tell what has become of an incident that was judged, whatever that is."""
        told = incident.firing
        if incident.going and self._tell(incident, time, told=told, news=True):
            return
        if incident.judgement is not None:
            self._send(incident, time, summaries.judged(what(incident), incident.judgement))

    def values(self, incident: Incident) -> set[ValueId]:
        """Return the values that link the members of a campaign."""
        is_campaign = incident.kind == "campaign"
        return self._clusters.values_of(incident.subject) if is_campaign else set()

    def _quiet(self, incident: Incident) -> Quiet | None:
        return self._judgements.quiet(incident, self.values(incident)) or self._suppressions.quiet(
            incident, self._users
        )

    def _count(self, quiet: Quiet) -> None:
        self._metrics.alerts_suppressed_total.labels(reason=quiet.by).inc()
