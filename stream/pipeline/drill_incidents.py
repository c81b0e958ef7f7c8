"""Incidents of drills: by the same thresholds as any other, and compared with the real accounts.

They are apart from the real ones, count in none of their metrics, are kept in memory only, and are
forgotten when they are over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from stream.core.drill import drill_of, is_drill, shown
from stream.pipeline.incident_flow import IncidentFlow
from stream.pipeline.metrics import PipelineMetrics

if TYPE_CHECKING:
    from stream.alerting.settings import AlertingSettings
    from stream.campaigns.clusters.detector import Baseline
    from stream.campaigns.settings import CampaignSettings
    from stream.core.alerts import Alert
    from stream.core.findings import Group

#: Drills that are remembered at once; another one finds nothing (assumed; deploy/bounds.md).
MOST_DRILLS: Final = 16
#: An incident of a drill is over this long after its last evidence, in event time (assumed).
_OVER_AFTER_S: Final = 1800.0


class DrillIncidents:
    """The incidents of each drill, of one drill apart from those of another."""

    def __init__(
        self,
        settings: AlertingSettings,
        campaigns: CampaignSettings,
        *,
        baseline: Baseline,
        metrics: PipelineMetrics,
    ) -> None:
        """Compare drills with the accounts of ``baseline``; ``metrics`` count their alerts."""
        self._settings = msgspec.structs.replace(
            settings, resolve_after_s=_OVER_AFTER_S, cool_down_s=0.0
        )
        self._campaigns = campaigns
        self._baseline = baseline
        self._metrics = metrics
        self._flows: dict[str, IncidentFlow] = {}  # by drill
        self._last: dict[str, float] = {}  # event time of the last groups of each drill

    def step(self, time: float, groups: list[Group]) -> list[Alert]:
        """Process the groups of drills of the window that ends at ``time``; return the alerts."""
        alerts = self._end(time)
        of_drill: dict[str, list[Group]] = {name: [] for name in self._flows}
        for group in groups:
            name = drill_of(group.members[0].account_id)
            if name in of_drill or len(of_drill) < MOST_DRILLS:
                of_drill.setdefault(name, []).append(group)
        for name, its in of_drill.items():
            alerts += self._step_one(name, time, its)
        alerts = [_as_drill(alert) for alert in alerts]
        for alert in (alert for alert in alerts if not alert.refresh):
            self._metrics.drill_alerts_total.labels(status=alert.status).inc()
        return alerts

    def _end(self, time: float) -> list[Alert]:
        """Forget the drills that are over before ``time``; return their last alerts."""
        alerts: list[Alert] = []
        for name in [n for n, last in self._last.items() if time - last > 2 * _OVER_AFTER_S]:
            alerts += self._flows.pop(name).step(time, [], [])
            del self._last[name]
        return alerts

    def _step_one(self, name: str, time: float, groups: list[Group]) -> list[Alert]:
        flow = self._flows.get(name)
        if flow is None:
            flow = self._flows[name] = IncidentFlow(
                self._settings,
                self._campaigns,
                metrics=PipelineMetrics(strict=False),
                baseline=self._baseline,
            )
        if groups:
            self._last[name] = time
        return flow.step(time, [], groups)


def is_of_drill(group: Group) -> bool:
    """Return whether the accounts of a group are a drill's: all of them are, or none."""
    return any(is_drill(member.account_id) for member in group.members[:1])


def _as_drill(alert: Alert) -> Alert:
    page, _, _ = alert.runbook_url.rpartition("#")
    return msgspec.structs.replace(
        alert,
        drill=True,
        severity="info",
        account_ids=[shown(account) for account in alert.account_ids or ()],
        peripheral_ids=[shown(account) for account in alert.peripheral_ids],
        summary=f"Drill, nothing to do: {alert.summary}",
        runbook_url=f"{page}#drill",
    )
