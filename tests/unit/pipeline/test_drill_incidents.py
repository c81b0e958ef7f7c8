"""Drills are forgotten at their own time, whether a window comes in between or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stream.campaigns.settings import CampaignSettings
from stream.core.drill import named
from stream.metrics import Metrics
from stream.pipeline.drill_incidents import MOST_DRILLS, DrillIncidents
from stream.pipeline.drill_isolation import KEPT_S, ShadowState
from stream.pipeline.incident_flow import IncidentFlow
from testlib.builders import ALERTING, START_S, pool

if TYPE_CHECKING:
    from stream.core.alerts import Alert

#: Minutes after which a drill without traffic is forgotten.
OVER = 61


def fresh() -> DrillIncidents:
    metrics = Metrics()
    baseline = IncidentFlow(ALERTING, CampaignSettings(), metrics=metrics).baseline
    return DrillIncidents(ALERTING, CampaignSettings(), baseline=baseline, metrics=metrics)


def step(drills: DrillIncidents, minute: float, *names: str) -> list[Alert]:
    groups = [one for name in names for one in pool(minute, prefix=named(f"{name}-"))]
    return drills.step(START_S + 60 * minute, groups)


@pytest.mark.parametrize("idle", [[], [40], [5 + OVER], [40, 5 + OVER, 120]])
def test_a_drill_that_is_over_begins_anew(idle: list[int]) -> None:
    def run(minutes: list[int]) -> list[Alert]:
        drills = fresh()
        alerts = step(drills, 5, "a1b2")
        for minute in minutes:
            alerts += step(drills, minute)
        return [*alerts, *step(drills, 130, "a1b2"), *step(drills, 131)]

    alerts = run(idle)
    assert alerts == run([5 + OVER])
    assert [alert.status for alert in alerts] == ["firing", "resolved", "firing"]
    assert alerts[0].alert_id == alerts[1].alert_id != alerts[2].alert_id


def test_drills_that_are_over_leave_room_for_others() -> None:
    drills = fresh()
    first = [f"a{n:02}" for n in range(MOST_DRILLS)]
    assert len(step(drills, 5, *first, "late")) == MOST_DRILLS
    assert step(drills, 10, "late") == []
    (alert,) = (a for a in step(drills, 5 + OVER + 9, "late") if a.status == "firing")
    assert (alert.account_ids or [])[0] == "late-000"


@pytest.mark.parametrize("idle", [True, False])
def test_a_state_that_was_long_unused_is_a_new_one(*, idle: bool) -> None:
    shadow = ShadowState(list[int])
    shadow.use(100.0).append(1)
    assert shadow.use(100.0 + KEPT_S) == [1]
    if idle:
        shadow.forget(101.0 + 2 * KEPT_S)
    assert shadow.use(101.0 + 2 * KEPT_S) == []
