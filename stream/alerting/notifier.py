"""Decides when receivers get an incident, and writes the alert. Keeps no state.

Each method returns the incident as it is afterwards and the alerts to send, in order. How often an
incident that stays open is sent again: :mod:`stream.alerting.updates`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stream.alerting import summaries, updates
from stream.alerting.rendering import alert_of
from stream.core.alerts import FORGOTTEN

if TYPE_CHECKING:
    from stream.alerting.incident import Incident
    from stream.alerting.metrics import AlertingMetrics
    from stream.alerting.mute import Mute
    from stream.alerting.settings import AlertingSettings
    from stream.core.alerts import Alert

_HOUR_S: Final = 3600.0


class Notifier:
    """Turns transitions of incidents into alerts."""

    def __init__(self, settings: AlertingSettings, *, metrics: AlertingMetrics) -> None:
        """Count alerts, and what is suppressed, in ``metrics``."""
        self._settings = settings
        self._metrics = metrics

    def update(
        self, incident: Incident, time: float, mute: Mute | None, *, changed: bool
    ) -> tuple[Incident, list[Alert]]:
        """Send an incident with new evidence if it is due; ``changed``: it has to be sent."""
        was_firing = incident.is_firing
        due = changed or updates.wanted(self._settings, incident, time)
        if due and not changed and not updates.allowed(self._settings, incident, time):
            incident, due = self._defer(incident), False
        incident, alerts = self.notify(incident, time, mute, due=due)
        if was_firing and alerts:
            incident = incident.record_updates(updates.one_more(incident, time))
        return incident, alerts

    def _defer(self, incident: Incident) -> Incident:
        if not incident.is_firing or incident.updates.deferred:
            return incident
        self._metrics.alerts_suppressed_total.labels(reason="limit").inc()
        return incident.record_updates(updates.deferred(incident))

    def notify(
        self, incident: Incident, time: float, mute: Mute | None, *, due: bool
    ) -> tuple[Incident, list[Alert]]:
        """Send an open incident unless ``mute`` hides it; ``due``: even if receivers know it."""
        was_firing = incident.is_firing
        if mute is None:
            if not due and was_firing:
                return incident, []
            return self._send(incident.notify(time))
        incident = incident.suppress(time, mute.state, count=due and not was_firing)
        if was_firing or due:
            self._metrics.alerts_suppressed_total.labels(reason=mute.reason).inc()
        if was_firing:
            return self._send(incident.record_sent(time), mute.summary)
        return incident, []

    def refresh(self, incident: Incident, time: float) -> tuple[Incident, list[Alert]]:
        """Write the newest figures of a firing incident to the topic; receivers get nothing."""
        if not (incident.is_firing and updates.stale(self._settings, incident, time)):
            return incident, []
        incident = incident.record_published(time)
        return incident, [alert_of(incident, self._settings.runbook_url, refresh=True)]

    # -- ending -------------------------------------------------------------------------------

    def resolve(self, incident: Incident, time: float) -> tuple[Incident, list[Alert]]:
        """End an incident that has had no evidence for long."""
        hours = self._settings.resolve_after_s / _HOUR_S
        return self._end(incident, time, summaries.ended(incident.title, hours))

    def merge(self, incident: Incident, time: float, into: str) -> tuple[Incident, list[Alert]]:
        """End an incident that another one, ``into``, continues."""
        return self._end(incident, time, summaries.merged(incident.title, into))

    def forget(self, incident: Incident, time: float) -> tuple[Incident, list[Alert]]:
        """End the incident of an account that is forgotten."""
        return self._end(incident, time, FORGOTTEN)

    def _end(self, incident: Incident, time: float, summary: str) -> tuple[Incident, list[Alert]]:
        was_firing = incident.is_firing
        incident = incident.resolve(time, summary)
        return self._send(incident.record_sent(time)) if was_firing else (incident, [])

    # -- verdicts -----------------------------------------------------------------------------

    def answer(
        self, incident: Incident, time: float, mute: Mute | None
    ) -> tuple[Incident, list[Alert]]:
        """Send what a verdict on an incident has changed, even if that is nothing."""
        alerts: list[Alert] = []
        if incident.is_open:
            incident, alerts = self.notify(incident, time, mute, due=True)
        if alerts or incident.verdict is None:
            return incident, alerts
        summary = summaries.labelled(incident.title, incident.verdict)
        return self._send(incident.record_sent(time), summary)

    def _send(self, incident: Incident, summary: str = "") -> tuple[Incident, list[Alert]]:
        labels = {"kind": incident.kind, "severity": incident.severity}
        self._metrics.alerts_total.labels(**labels).inc()
        return incident, [alert_of(incident, self._settings.runbook_url, summary)]
