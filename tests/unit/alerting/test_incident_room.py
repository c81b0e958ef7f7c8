"""Incidents and the members of a campaign are bounded, and what was left out is counted."""

from __future__ import annotations

import msgspec
import pytest

from stream.campaigns.settings import CampaignSettings
from stream.metrics import Metrics
from stream.pipeline.incident_flow import IncidentFlow
from testlib.builders import ALERTING, finding, pool, step
from testlib.durable import changes, restore

MOST = 20


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def incidents(metrics: Metrics) -> IncidentFlow:
    alerting = msgspec.structs.replace(ALERTING, max_incidents=MOST)
    campaigns = CampaignSettings(max_campaign_accounts=100)
    return IncidentFlow(alerting, campaigns, metrics=metrics)


def limit_hits(metrics: Metrics, limit: str) -> float:
    return metrics.registry.get_sample_value("distillwatch_limit_hits_total", {"limit": limit}) or 0


def test_accounts_leave_room_for_campaigns(incidents: IncidentFlow, metrics: Metrics) -> None:
    opened = step(incidents, 1, [finding(f"a{i:02}", 1) for i in range(40)])
    assert [alert.account_id for alert in opened] == [f"a{i:02}" for i in range(15)]
    assert limit_hits(metrics, "incidents") == 25
    step(incidents, 2, groups=pool(2))
    (campaign,) = step(incidents, 10)
    assert campaign.kind == "campaign"


def test_what_is_over_makes_room(incidents: IncidentFlow, metrics: Metrics) -> None:
    for hour in range(30):
        names = [f"a{hour}-{i}" for i in range(5)]
        opened = step(incidents, 61 * hour, [finding(name, 61 * hour) for name in names])
        assert [a.account_id for a in opened if a.status == "firing"] == names
        assert len([*incidents._incidents._store]) <= MOST
        assert len(incidents._incidents._store.open) == 5
    assert limit_hits(metrics, "incidents") == 0
    # An incident that was never written leaves no row to delete.
    assert {row is None for _, row in changes(incidents)} == {False}


def test_a_restart_knows_how_many_are_firing(incidents: IncidentFlow) -> None:
    step(incidents, 1, [finding(f"a{i}", 1) for i in range(5)])
    rows = changes(incidents)
    restore(incidents, rows)
    restored = IncidentFlow(ALERTING, CampaignSettings(), metrics=Metrics())
    restore(restored, rows)
    assert len(restored._incidents._store.open) == 5


def test_a_campaign_has_so_many_members_and_no_more(
    incidents: IncidentFlow, metrics: Metrics
) -> None:
    step(incidents, 1, groups=pool(1, 90))
    (first,) = step(incidents, 10)
    step(incidents, 11, groups=pool(11, 300))
    (second,) = step(incidents, 20)
    assert len(first.account_ids or []) == 90
    assert len(second.account_ids or []) == 100
    assert set(first.account_ids or []) < set(second.account_ids or [])
    assert limit_hits(metrics, "members") > 0
