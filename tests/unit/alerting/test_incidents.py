from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from stream.campaigns.settings import CampaignSettings
from stream.core.alerts import Alert
from stream.core.findings import AccountFinding, Observed
from stream.core.links import LinkKind
from stream.metrics import Metrics
from stream.pipeline.incident_flow import IncidentFlow
from testlib.builders import (
    ALERTING,
    DAY_S,
    START_S,
    Found,
    feed,
    finding,
    findings,
    group,
    member,
    pool,
    step,
)
from testlib.durable import changes, restore


def fresh(metrics: Metrics | None = None) -> IncidentFlow:
    return IncidentFlow(ALERTING, CampaignSettings(), metrics=metrics or Metrics())


# -- accounts ---------------------------------------------------------------------------------


def test_an_account_opens_and_is_sent_once() -> None:
    incidents = fresh()
    (alert,) = step(incidents, 10, [finding("a", 10)])
    assert (alert.kind, alert.status, alert.account_id) == ("account", "firing", "a")
    assert alert.started_at == "2026-03-02T00:00:00Z"
    assert alert.detected_at == alert.updated_at == "2026-03-02T00:10:00Z"
    assert len(alert.evidence) == 5
    assert alert.techniques == ["AML.T0024.002", "AML.T0040", "LLM10:2025"]
    assert alert.runbook_url.endswith("#account")
    assert step(incidents, 11, [finding("a", 11)]) == []


def test_below_the_threshold_nothing_opens_but_an_open_one_goes_on() -> None:
    incidents = fresh()
    assert step(incidents, 1, [finding("a", 1, 0.7)]) == []
    step(incidents, 2, [finding("a", 2)])
    assert step(incidents, 25, [finding("a", 25, 0.6)]) == []
    assert step(incidents, 70) == []
    (alert,) = step(incidents, 100)
    assert (alert.status, alert.updated_at) == ("resolved", "2026-03-02T01:25:00Z")


def test_the_same_cause_reopens_within_the_cool_down() -> None:
    incidents = fresh()
    (first,) = step(incidents, 1, [finding("a", 1)])
    (over,) = step(incidents, 65)
    (again,) = step(incidents, 100, [finding("a", 100)])
    assert first.alert_id == over.alert_id == again.alert_id
    assert [a.status for a in (first, over, again)] == ["firing", "resolved", "firing"]
    assert again.detected_at == first.detected_at


def test_after_the_cool_down_it_is_a_new_incident() -> None:
    incidents = fresh()
    (first,) = step(incidents, 1, [finding("a", 1)])
    late = finding("a", 3000)
    later = AccountFinding(
        **{f: getattr(late, f) for f in late.__struct_fields__} | {"since": late.time}
    )
    *_, second = step(incidents, 3000, [later])
    assert second.alert_id != first.alert_id


def test_an_incident_without_news_is_sent_again_now_and_then() -> None:
    incidents = fresh()
    sent = [len(step(incidents, m, [finding("a", m)])) for m in range(0, 91, 10)]
    assert sent == [1, 0, 0, 1, 0, 0, 1, 0, 0, 1]


def test_severity_rises_with_what_may_have_leaked_and_does_not_fall() -> None:
    incidents = fresh()
    (low,) = step(incidents, 1, [finding("a", 1, 0.85)])
    (high,) = step(incidents, 2, [finding("a", 2, 0.99, tokens=2_000_000)])
    assert (low.severity, high.severity) == ("info", "critical")
    assert step(incidents, 3, [finding("a", 3, 0.6)]) == []


# -- campaigns --------------------------------------------------------------------------------


def test_a_pool_is_one_incident_with_its_members() -> None:
    (alert,) = step(fresh(), 5, groups=pool(5))
    assert (alert.kind, alert.status) == ("campaign", "firing")
    assert alert.account_ids == [f"p{i:03}" for i in range(24)]
    assert alert.observed == Observed(
        requests=480,
        input_tokens=240_000,
        output_tokens=480_000,
        requests_last_hour=480,
        output_tokens_last_hour=480_000,
    )
    assert "AML.T0008.005" in alert.techniques
    assert alert.summary.startswith("24 coordinated accounts share a system prompt and 4 pay")
    assert {e.feature for e in alert.evidence} >= {"young_accounts", "shared_payments"}


def test_a_campaign_has_what_its_members_share() -> None:
    (alert,) = step(fresh(), 5, groups=pool(5))
    prompt, *cards = alert.links
    assert (prompt.link, prompt.accounts, prompt.members) == ("system_prompt", 24, [*range(24)])
    assert {(card.link, card.accounts) for card in cards} == {("payment", 6)}
    assert sorted(card.members for card in cards) == [[*range(i, i + 6)] for i in (0, 6, 12, 18)]
    assert len({link.value for link in alert.links}) == 5


def test_a_high_prevalence_value_is_not_what_members_share() -> None:
    old = [replace(member(f"x{i}", 5), created_at=START_S - 900 * DAY_S) for i in range(100)]
    prevalent = group(LinkKind.TEMPLATE, 9, 5, [f"p{i:03}" for i in range(24)])
    prevalent = replace(prevalent, size=124, members=[*prevalent.members, *old])
    (alert,) = step(fresh(), 5, groups=[*pool(5), prevalent])
    assert {link.link for link in alert.links} == {"system_prompt", "payment"}


def test_shared_values_are_bounded_and_every_kind_has_its_turn() -> None:
    names = [f"p{i:03}" for i in range(200)]
    phrases = [group(LinkKind.PHRASE, i, 5, names) for i in range(1, 101)]
    pairs = [names[i : i + 2] for i in range(0, 200, 2)]
    cards = [group(LinkKind.PAYMENT, i, 5, pair) for i, pair in enumerate(pairs, 1)]
    prompt = group(LinkKind.SYSTEM_PROMPT, 1, 5, names)
    (alert,) = step(fresh(), 5, groups=[prompt, *phrases, *cards])
    assert [link.link for link in alert.links[:3]] == ["system_prompt", "payment", "phrase"]
    assert Counter(link.link for link in alert.links) == {
        "system_prompt": 1,
        "payment": 8,
        "phrase": 8,
    }
    assert {len(link.members) for link in alert.links} == {2, 64}
    assert alert.links[0].accounts == 200


def test_a_growing_campaign_sends_its_new_members_under_the_same_id() -> None:
    incidents = fresh()
    (first,) = step(incidents, 5, groups=pool(5))
    (grown,) = step(incidents, 10, groups=pool(10, 36))
    assert grown.alert_id == first.alert_id
    assert grown.account_ids is not None
    assert len(grown.account_ids) == 36


def test_a_member_has_no_incident_of_its_own() -> None:
    incidents = fresh()
    (alone,) = step(incidents, 1, [finding("p003", 1)])
    campaign, folded = step(incidents, 5, groups=pool(5))
    assert (folded.alert_id, folded.status) == (alone.alert_id, "resolved")
    assert campaign.alert_id in folded.summary
    assert step(incidents, 6, [finding("p004", 6)]) == []
    assert [a.account_id for a in step(incidents, 7, [finding("q", 7)])] == ["q"]


def test_campaigns_that_meet_become_the_older_one() -> None:
    incidents = fresh()
    (one,) = step(incidents, 5, groups=pool(5))
    (two,) = step(incidents, 10, groups=pool(10, prompt=2, prefix="q"))
    both = [f"{p}{i:03}" for p in "pq" for i in range(24)]
    alerts = step(incidents, 15, groups=[group(LinkKind.SYSTEM_PROMPT, 3, 15, both)])
    firing = [a for a in alerts if a.status == "firing"]
    resolved = [a for a in alerts if a.status == "resolved"]
    assert [(a.alert_id, a.account_ids) for a in firing] == [(one.alert_id, both)]
    assert [a.alert_id for a in resolved] == [two.alert_id]
    assert one.alert_id in resolved[0].summary


def test_a_campaign_ends_when_its_members_stop() -> None:
    incidents = fresh()
    step(incidents, 5, groups=pool(5))
    (over,) = step(incidents, 120)
    assert (over.status, over.updated_at) == ("resolved", "2026-03-02T01:05:00Z")
    assert over.account_ids


def test_gauges_and_counters_follow() -> None:
    metrics = Metrics()
    incidents = fresh(metrics)
    step(incidents, 1, [finding("a", 1)])
    step(incidents, 5, groups=pool(5))
    read = metrics.registry.get_sample_value
    campaign = {"kind": "campaign", "severity": "warning"}
    assert read("distillwatch_incidents_open", campaign) == 1
    step(incidents, 500)
    assert read("distillwatch_incidents_open", campaign) == 0
    assert read("distillwatch_alerts_total", campaign) == 2
    assert read("distillwatch_detection_delay_seconds_count", {"kind": "account"}) == 1


# -- laws -------------------------------------------------------------------------------------


@given(findings)
@settings(deadline=None, max_examples=60)
def test_the_order_inside_a_step_is_irrelevant(found: Found) -> None:
    assert feed(fresh(), found) == feed(fresh(), found, reverse=True)


@given(findings)
@settings(deadline=None, max_examples=60)
def test_the_states_of_an_incident_are_sent_in_a_valid_order(found: Found) -> None:
    sent: dict[str, list[Alert]] = {}
    for alert in feed(fresh(), [*found, (700, [], 0)]):
        sent.setdefault(alert.alert_id, []).append(alert)
    for alerts in sent.values():
        assert alerts[0].status == "firing"
        assert alerts[-1].status == "resolved"
        assert len({alert.account_id for alert in alerts}) == 1
        for before, after in pairwise(alerts):
            assert (before.status, after.status) != ("resolved", "resolved")
            assert before.updated_at <= after.updated_at
            assert set(before.account_ids or []) <= set(after.account_ids or [])
        for alert in alerts:
            assert alert.kind == "account" or alert.account_ids
            assert 0 <= alert.score <= 1
            assert alert.started_at <= alert.detected_at <= alert.updated_at


@given(findings, st.integers(0, 8))
@settings(deadline=None, max_examples=60)
def test_a_restart_changes_nothing(found: Found, crash: int) -> None:
    straight = feed(fresh(), [*found, (700, [], 0)])
    incidents, stored, alerts = fresh(), dict[bytes, bytes](), list[Alert]()
    for i, event in enumerate([*found, (700, [], 0)]):
        if i == crash:
            incidents = fresh()
            restore(incidents, stored.items())
            incidents.recovered()
            assert changes(incidents) == []
        alerts += feed(incidents, [event])
        for key, row in changes(incidents):
            if row is None:
                stored.pop(key, None)
            else:
                stored[key] = row
    assert alerts == straight
