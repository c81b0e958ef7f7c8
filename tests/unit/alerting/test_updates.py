"""How often an incident is sent again over days, and what the topic has meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.alerting.settings import AlertingSettings
from stream.campaigns.settings import CampaignSettings
from stream.core.alerts import Alert, as_sent
from stream.core.findings import AccountFinding, Group, Member, Observed
from stream.core.links import LinkKind
from stream.core.traffic import COUNTS, TRAFFIC
from stream.metrics import Metrics
from stream.pipeline.incident_flow import IncidentFlow

START_S = 1_772_409_600.0
HOUR_S, DAY_S = 3600.0, 86400.0


@dataclass
class Campaign:
    """Young accounts with one prompt, six on each payment, and their alerts."""

    metrics: Metrics = field(default_factory=Metrics)
    alerting: AlertingSettings = field(default_factory=AlertingSettings)
    alerts: list[Alert] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.incidents = IncidentFlow(self.alerting, CampaignSettings(), metrics=self.metrics)

    def step(self, hours: float, members: int, requests: int) -> None:
        time = START_S + hours * HOUR_S
        total = (requests, 100 * requests, 200 * requests, 0)
        traffic = np.array((START_S - 1, time, total, 0, 0, 0), TRAFFIC).tobytes()
        names = [f"m{i:04}" for i in range(members)]
        cards = [names[i : i + 6] for i in range(0, members, 6)]

        def group(kind: LinkKind, value: int, some: list[str]) -> Group:
            return Group(
                kind=kind,
                value=value,
                time=time,
                since=START_S,
                size=len(some),
                members=[
                    Member(
                        account_id=name,
                        since=START_S,
                        last=time,
                        requests=20,
                        organization=0,
                        created_at=START_S - DAY_S,
                        first_seen=START_S,
                        day_requests=20,
                        active_hours=3,
                        before=bytes(COUNTS.itemsize),
                        traffic=traffic,
                    )
                    for name in some
                ],
            )

        groups = [
            group(LinkKind.SYSTEM_PROMPT, 1, names),
            *(group(LinkKind.PAYMENT, 9 + i, some) for i, some in enumerate(cards)),
        ]
        self.alerts += self.incidents.step(time, [], groups)

    def end(self, hours: float) -> None:
        self.alerts += self.incidents.step(START_S + hours * HOUR_S, [], [])

    @property
    def sent(self) -> list[Alert]:
        return [alert for alert in self.alerts if not alert.refresh]


def hours_after_first(alerts: list[Alert]) -> list[float]:
    times = [np.datetime64(alert.updated_at[:-1]) for alert in alerts]
    return [float((time - times[0]) / np.timedelta64(1, "s")) / HOUR_S for time in times]


def within_limits(alerts: list[Alert], first_day: int = 12, per_day: int = 4) -> bool:
    """Return whether the updates (no first firing, no end) of each day are no more than that."""
    days = [int(at // 24) for at in hours_after_first(alerts)[1:]]
    firing = [day for day, a in zip(days, alerts[1:], strict=True) if a.status == "firing"]
    return all(firing.count(d) <= (per_day if d else first_day) for d in {*firing})


def test_a_campaign_of_three_days_is_sent_within_the_limits_and_complete() -> None:
    campaign = Campaign()
    sizes = []
    for step in range(3 * 24 * 12):  # every five minutes, it never stops growing
        sizes.append(min(12 + step // 2, 400))
        campaign.step(step / 12, sizes[-1], 5 + 3 * step)
    campaign.end(90)
    sent = campaign.sent
    assert within_limits(sent)
    assert [alert.status for alert in sent] == ["firing"] * (len(sent) - 1) + ["resolved"]
    severities = [alert.severity for alert in sent]
    assert severities == sorted(severities, key=["info", "warning", "critical"].index)
    assert severities[0] != severities[-1] == "critical"
    # Between two updates the topic has newer figures, at most a quarter of an hour old.
    ages = [b - a for a, b in pairwise(hours_after_first(campaign.alerts[:-1]))]
    assert max(ages) <= 0.26
    known = [len(alert.account_ids or ()) for alert in campaign.alerts[:-1]]
    assert known == sorted(known)
    # A member that only the topic had is in the last alert to receivers.
    assert len(sent[-1].account_ids or ()) == 400
    assert sent[-1].observed.requests == 400 * (5 + 3 * (3 * 24 * 12 - 1))


def test_what_is_held_back_is_counted_once_until_it_is_sent() -> None:
    campaign = Campaign()
    for step in range(24):
        campaign.step(step / 2, 24, 5 * 2**step)  # doubles every half hour
    held = campaign.metrics.registry.get_sample_value(
        "distillwatch_alerts_suppressed_total", {"reason": "limit"}
    )
    assert within_limits(campaign.sent)
    assert held == 1


def test_a_change_of_severity_is_sent_though_the_limit_is_reached() -> None:
    campaign = Campaign(alerting=AlertingSettings(updates_first_day=1))
    campaign.step(0, 24, 5)
    campaign.step(0.5, 120, 6)
    assert [alert.severity for alert in campaign.sent] == ["warning", "critical"]


def test_a_campaign_without_news_is_sent_again_after_long() -> None:
    campaign = Campaign()
    for step in range(4 * 24):
        campaign.step(step / 4, 24, 5)
    assert hours_after_first(campaign.sent) == [0, 6, 12, 18]
    assert not any(alert.refresh for alert in campaign.alerts)


def test_growth_counts_by_requests_where_no_tokens_are_logged() -> None:
    incidents = IncidentFlow(AlertingSettings(), CampaignSettings(), metrics=Metrics())

    def verdict(hours: float, requests: int) -> list[Alert]:
        time = START_S + hours * HOUR_S
        found = AccountFinding(
            account_id="a",
            time=time,
            since=START_S,
            score=0.85,
            evidence=[],
            observed=Observed(requests=requests),
            model_version="v",
        )
        return incidents.step(time, [found], [])

    assert [len(verdict(*at)) for at in ((1, 100), (1.5, 124), (2, 125))] == [1, 1, 1]
    assert verdict(2.1, 500) == []  # growth is sent at this interval, and the topic is no newer


growths = st.lists(
    st.tuples(st.integers(1, 200), st.integers(0, 60), st.integers(0, 400)), max_size=60
)


@given(growths, st.integers(1, 12), st.integers(1, 4))
@settings(deadline=None, max_examples=30)
def test_limits_hold_however_a_campaign_grows(
    grown: list[tuple[int, int, int]], first_day: int, per_day: int
) -> None:
    alerting = AlertingSettings(
        updates_first_day=first_day, updates_per_day=per_day, grow_every_s=0, resend_s=60
    )
    campaign = Campaign(alerting=alerting)
    minute, members, requests = 0, 24, 5
    for later, more, traffic in grown:
        minute, members, requests = minute + 5 * later, min(members + more, 90), requests + traffic
        campaign.step(minute / 60, members, requests)
    by_incident: dict[str, list[Alert]] = {}
    for alert in campaign.sent:
        by_incident.setdefault(alert.alert_id, []).append(alert)
    for alerts in by_incident.values():
        # What fires again after its end was news; severity may change as often as it can.
        updates = [b for a, b in pairwise(alerts) if a.status == "firing"]
        graver = sum(a.severity != b.severity for a, b in pairwise(alerts))
        assert within_limits([alerts[0], *updates], first_day + graver, per_day + graver)
        assert all(a.observed.requests <= b.observed.requests for a, b in pairwise(alerts))


def alert(name: str, *, refresh: bool, members: int = 1) -> Alert:
    return msgspec.convert(
        {
            "alert_id": name, "kind": "campaign", "status": "firing", "severity": "info",
            "score": 0.9, "campaign_id": "c", "account_ids": [f"a{i}" for i in range(members)],
            "started_at": "", "detected_at": "", "updated_at": "", "summary": "", "evidence": [],
            "observed": {}, "techniques": [], "runbook_url": "", "model_version": "",
            "refresh": refresh,
        },
        Alert,
    )  # fmt: skip


def test_replay_writes_what_is_sent_and_ends_with_the_newest_states() -> None:
    first, again = alert("a", refresh=False), alert("a", refresh=False, members=3)
    other, newest = alert("b", refresh=False), alert("b", refresh=True, members=5)
    alerts = [first, alert("a", refresh=True, members=2), other, alert("b", refresh=True), again]
    assert as_sent([*alerts, newest]) == [first, other, again, newest]


@pytest.mark.parametrize("refresh", [True, False])
def test_an_alert_for_the_topic_only_is_marked_as_refresh(*, refresh: bool) -> None:
    assert (b'"refresh":true' in msgspec.json.encode(alert("a", refresh=refresh))) is refresh
