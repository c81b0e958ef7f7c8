"""The one owner of incidents: puts every transition in the store and collects its alerts.

Findings and timers come from :mod:`stream.alerting.incidents`; what a transition is, from
:mod:`stream.alerting.incident`; what receivers get, from :mod:`stream.alerting.notifier`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.alerting.incident import IncidentState

if TYPE_CHECKING:
    from collections.abc import Collection

    from stream.alerting.incident import Finding, Incident
    from stream.alerting.metrics import AlertingMetrics
    from stream.alerting.mute_lookup import MuteLookup
    from stream.alerting.notifier import Notifier
    from stream.alerting.store import IncidentStore
    from stream.core.alerts import Alert
    from stream.core.feedback import Verdict


class Lifecycle:
    """Opens, updates and ends the incidents of a store."""

    def __init__(
        self,
        store: IncidentStore,
        mutes: MuteLookup,
        notifier: Notifier,
        *,
        metrics: AlertingMetrics,
    ) -> None:
        """Start with the incidents of ``store``."""
        self._store = store
        self._mutes = mutes
        self._notifier = notifier
        self._metrics = metrics
        self._alerts: list[Alert] = []

    def take(self) -> list[Alert]:
        """Return the alerts since the last call."""
        alerts, self._alerts = self._alerts, []
        return alerts

    # -- findings -----------------------------------------------------------------------------

    def apply(self, incident: Incident, finding: Finding, time: float) -> None:
        """Open or update an incident with a finding at or above the clear score."""
        if incident not in self._store:
            delay = max(0.0, time - incident.started)
            self._metrics.detection_delay_seconds.labels(kind=incident.kind).observe(delay)
        after = incident.apply(finding)
        changed = after.state is IncidentState.OPEN or after.severity != incident.severity
        mute = self._mutes.of(after)
        after = self._put(self._notifier.update(after, time, mute, changed=changed))
        self._close_members(after, time)
        self._put(self._notifier.refresh(after, time))

    def _close_members(self, campaign: Incident, time: float) -> None:
        """Close the account incidents of a firing campaign's members."""
        if campaign.kind != "campaign" or not campaign.is_firing:
            return
        for member in campaign.members:
            incident = self._store.find("account", member)
            if incident is not None and incident.is_open:
                self.merge(incident, time, campaign.alert_id)

    # -- ending -------------------------------------------------------------------------------

    def resolve(self, name: str, time: float) -> None:
        """End an incident that has had no evidence for long."""
        self._put(self._notifier.resolve(self._store.incident(name), time))

    def merge(self, incident: Incident, time: float, into: str) -> None:
        """End an incident that another one, ``into``, continues."""
        self._put(self._notifier.merge(incident, time, into))

    def forget(self, incident: Incident, time: float) -> None:
        """End an incident, and remember it no longer."""
        if incident.is_open:
            incident = self._put(self._notifier.forget(incident, time))
        self._store.drop(incident)

    # -- feedback -----------------------------------------------------------------------------

    def record_verdict(self, verdict: Verdict) -> None:
        """Keep a verdict with its incident."""
        self._store.put(self._store.incident(verdict.alert_id).record_verdict(verdict))

    def review(self, time: float, labelled: Collection[str] = ()) -> None:
        """Mute and unmute incidents; send those with a new verdict (``labelled``) in any case."""
        self._mutes.refresh()
        for name in self._store.open.names:
            if name not in labelled:
                self._review(self._store.incident(name), time)
        for name in sorted(labelled):
            self._answer(self._store.incident(name), time)

    def _review(self, incident: Incident, time: float) -> None:
        if not incident.is_open:  # merged by an earlier one meanwhile
            return
        mute = self._mutes.of(incident)
        if incident.state is not (IncidentState.NOTIFIED if mute is None else mute.state):
            after = self._put(self._notifier.notify(incident, time, mute, due=False))
            self._close_members(after, time)

    def _answer(self, incident: Incident, time: float) -> None:
        mute = self._mutes.of(incident) if incident.is_open else None
        after = self._put(self._notifier.answer(incident, time, mute))
        self._close_members(after, time)

    def _put(self, transition: tuple[Incident, list[Alert]]) -> Incident:
        incident, alerts = transition
        self._store.put(incident)
        self._alerts += alerts
        return incident
