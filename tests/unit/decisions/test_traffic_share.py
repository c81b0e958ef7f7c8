"""The share of the traffic that a decision stops, from its alert."""

from __future__ import annotations

import msgspec
import pytest

from stream.core.decisions import Decision
from stream.core.findings import Observed
from stream.decisions.traffic_share import traffic_share
from testlib.decisions import NOW_S, account_alert, campaign_alert, policy, register_of


def alert(requests, **changes):
    return campaign_alert(certain=5, likely=5, observed=Observed(requests=requests), **changes)


def test_it_is_the_requests_of_the_accounts_that_are_acted_on():
    assert traffic_share(alert(100), 5, 1000) == 0.05
    assert traffic_share(alert(100), 10, 1000) == 0.1
    assert traffic_share(account_alert(observed=Observed(requests=100)), 1, 1000) == 0.1


def test_of_a_longer_time_a_day_counts():
    long = alert(400, started_at="2026-03-02T03:00:00Z", updated_at="2026-03-06T03:00:00Z")
    assert traffic_share(long, 10, 1000) == 0.1


@pytest.mark.parametrize(
    ("changes", "requests", "expected"),
    [
        ({"started_at": "yesterday"}, 100, 0.1),
        ({"started_at": "2026-03-02T03:00:00"}, 100, 0.1),  # without a zone
        ({"started_at": "2027-03-02T03:00:00Z"}, 100, 0.1),
        ({}, 10**30, 1.0),
        ({}, -5, 0.0),
    ],
)
def test_a_hostile_alert_gives_a_share(changes, requests, expected):
    assert traffic_share(alert(requests, **changes), 10, 1000) == expected


def test_without_the_traffic_of_all_it_is_not_known():
    assert traffic_share(alert(100), 5, None) is None
    assert traffic_share(alert(100), 5, 0) is None


@pytest.mark.parametrize("requests", [-5, 10**16])
def test_what_is_proposed_can_be_read_again_whatever_the_alert_says(requests):
    found = Observed(requests=requests, output_tokens=requests, output_tokens_last_hour=requests)
    (made,) = policy().on_alert(
        campaign_alert(observed=found), register_of(), NOW_S, alerted_at=5.0, requests_a_day=10
    )
    again = msgspec.json.decode(made.value, type=Decision)
    assert again == made.decision
    assert again.reason.alerted_at == 5.0


def test_the_policy_does_not_approve_what_would_stop_too_much():
    enforcing = policy(mode="enforce", max_traffic_share_a_day=0.04)
    fits = policy(mode="enforce", max_traffic_share_a_day=0.06)
    for rules, states in ((enforcing, ["proposed"]), (fits, ["proposed", "approved"])):
        made = rules.on_alert(
            alert(100, severity="warning"), register_of(), NOW_S, requests_a_day=1000
        )
        assert [one.decision.state for one in made] == states
        assert made[0].decision.traffic_share == 0.05
