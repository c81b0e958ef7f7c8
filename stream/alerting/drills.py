"""Incidents of drills: judged as any other, by the same thresholds, among everybody's accounts.

They are beside everybody's, count in none of their metrics, and are forgotten when they are over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from stream.alerting.incidents import Incidents
from stream.alerting.metrics import AlertingMetrics
from stream.core.drill import drill_of, is_drill, shown

if TYPE_CHECKING:
    from stream.alerting.settings import AlertingSettings
    from stream.campaigns.settings import CampaignSettings
    from stream.core.alerts import Alert
    from stream.core.findings import Group

#: Drills that are remembered at once; another one finds nothing.
MOST_DRILLS: Final = 16
#: An incident of a drill is over so long after its last evidence, in event time.
_OVER_AFTER_S: Final = 1800.0


class Drills:
    """The incidents of drills; in memory only."""

    def __init__(
        self,
        settings: AlertingSettings,
        campaigns: CampaignSettings,
        *,
        among: Incidents,
        metrics: AlertingMetrics,
    ) -> None:
        """Judge drills by the accounts that ``among`` knows; ``metrics`` count their alerts."""
        self._settings = msgspec.structs.replace(
            settings, resolve_after_s=_OVER_AFTER_S, cool_down_s=0.0
        )
        self._campaigns = campaigns
        self._among = among
        self._metrics = metrics
        #: By drill, and when each was heard of last: one drill is not judged among others.
        self._incidents: dict[str, Incidents] = {}
        self._heard: dict[str, float] = {}

    def step(self, time: float, groups: list[Group]) -> list[Alert]:
        """Take in the groups of drills of the step that ends at ``time``; return the alerts."""
        of_drill: dict[str, list[Group]] = {name: [] for name in self._incidents}
        for group in groups:
            name = drill_of(group.members[0].account_id)
            if name in of_drill or len(of_drill) < MOST_DRILLS:
                of_drill.setdefault(name, []).append(group)
        alerts = [
            _as_drill(alert)
            for name, its in of_drill.items()
            for alert in self._step_one(name, time, its)
        ]
        for alert in (alert for alert in alerts if not alert.refresh):
            self._metrics.drill_alerts_total.labels(status=alert.status).inc()
        return alerts

    def _step_one(self, name: str, time: float, groups: list[Group]) -> list[Alert]:
        incidents = self._incidents.get(name)
        if incidents is None:
            incidents = self._incidents[name] = Incidents(
                self._settings,
                self._campaigns,
                metrics=AlertingMetrics(strict=False),
                among=self._among,
            )
        if groups:
            self._heard[name] = time
        elif time - self._heard[name] > 2 * _OVER_AFTER_S:
            del self._incidents[name], self._heard[name]
        return incidents.step(time, [], groups)


def is_of_drill(group: Group) -> bool:
    """Say whether the accounts of a group are a drill's: all of them are, or none."""
    return any(is_drill(member.account_id) for member in group.members[:1])


def _as_drill(alert: Alert) -> Alert:
    page, _, _ = alert.runbook_url.rpartition("#")
    return msgspec.structs.replace(
        alert,
        drill=True,
        severity="info",
        account_ids=[shown(account) for account in alert.account_ids or ()],
        summary=f"Drill, nothing to do: {alert.summary}",
        runbook_url=f"{page}#drill",
    )
