"""Feedback changes which incidents receivers get, and nothing else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stream.alerting.feedback_settings import FeedbackSettings
from stream.campaigns.settings import CampaignSettings
from stream.core.alerts import Alert
from stream.core.feedback import Suppression, Verdict, VerdictLabel
from stream.core.links import LinkKind
from stream.metrics import Metrics
from stream.pipeline.incident_flow import IncidentFlow
from testlib.builders import ALERTING, START_S, Found, feed, finding, findings, group, pool, step
from testlib.durable import changes, restore
from testlib.metrics import value

FEEDBACK = FeedbackSettings(mute_s=12 * 3600)


def fresh(metrics: Metrics | None = None, **changed: Any) -> IncidentFlow:
    feedback = msgspec.structs.replace(FEEDBACK, **changed)
    return IncidentFlow(ALERTING, CampaignSettings(), feedback, metrics=metrics or Metrics())


def judge(
    incidents: IncidentFlow, minute: float, name: str, label: VerdictLabel, *, at: float = 0
) -> list[Alert]:
    verdict = Verdict(
        alert_id=name, label=label, author="ana", time=START_S + 60 * (at or minute), note="why"
    )
    return incidents.record_feedback(START_S + 60 * minute, [verdict], [])[0]


def suppression(by: Any, match: str, until: float, **more: Any) -> Suppression:
    return Suppression(
        suppression_id=more.pop("name", "sup_" + 20 * "0"),
        by=by,
        match=match,
        author="bo",
        reason="load test",
        time=more.pop("time", START_S),
        expires=START_S + 60 * until,
        **more,
    )


def suppress(incidents: IncidentFlow, minute: float, *suppressions: Suppression) -> list[Alert]:
    return incidents.record_feedback(START_S + 60 * minute, [], suppressions)[0]


def states(alerts: list[Alert]) -> list[tuple[str, str]]:
    return [(alert.account_id or "campaign", alert.status) for alert in alerts]


# -- verdicts on accounts ---------------------------------------------------------------------


@pytest.mark.parametrize("label", ["false_positive", "benign"])
def test_a_verdict_of_no_attack_resolves_the_incident_and_names_its_author(
    label: VerdictLabel,
) -> None:
    incidents = fresh()
    (fired,) = step(incidents, 1, [finding("a", 1)])
    (over,) = judge(incidents, 1, fired.alert_id, label)
    assert (over.alert_id, over.status) == (fired.alert_id, "resolved")
    assert over.verdict is not None
    assert (over.verdict.author, over.verdict.label) == ("ana", label)
    assert "ana marked this as" in over.summary
    assert "why" in over.summary
    assert over.updated_at > fired.updated_at  # receivers know a message by id and time


def test_what_was_judged_no_attack_stays_quiet_under_later_ids_too() -> None:
    metrics = Metrics()
    incidents = fresh(metrics, mute_s=30 * 86400)
    (fired,) = step(incidents, 1, [finding("a", 1)])
    judge(incidents, 1, fired.alert_id, "false_positive")
    assert [step(incidents, m, [finding("a", m)]) for m in (10, 50, 100, 4000, 5000)] == 5 * [[]]
    assert value(metrics, "incidents_open", kind="account", severity="warning") == 0
    assert value(metrics, "alerts_suppressed_total", reason="verdict") > 0


def test_a_score_much_beyond_what_was_judged_fires_all_the_same() -> None:
    incidents = fresh()
    (fired,) = step(incidents, 1, [finding("a", 1, 0.9)])
    judge(incidents, 1, fired.alert_id, "benign")
    assert step(incidents, 2, [finding("a", 2, 0.98)]) == []  # odds 49 : 9
    (again,) = step(incidents, 3, [finding("a", 3, 0.995)])  # odds 199 : 9
    assert again.status == "firing"


def test_a_verdict_is_over_after_its_time() -> None:
    incidents = fresh()
    (fired,) = step(incidents, 1, [finding("a", 1)])
    judge(incidents, 1, fired.alert_id, "benign")
    for minute in range(30, 12 * 60, 30):
        assert step(incidents, minute, [finding("a", minute)]) == []
    (again,) = step(incidents, 12 * 60 + 2)  # the mute ends: the incident is still open
    assert (again.status, again.updated_at) == ("firing", "2026-03-02T12:01:00Z")


def test_a_withdrawn_verdict_lets_it_fire_at_once() -> None:
    incidents = fresh()
    (fired,) = step(incidents, 1, [finding("a", 1)])
    judge(incidents, 1, fired.alert_id, "benign")
    (again,) = judge(incidents, 2, fired.alert_id, "withdrawn")
    assert (again.alert_id, again.status) == (fired.alert_id, "firing")
    assert again.verdict is not None
    assert again.verdict.label == "withdrawn"


@pytest.mark.parametrize(
    ("minute", "expected"),
    [
        (30, [("campaign", "firing"), ("p001", "resolved")]),
        (65, [("campaign", "resolved")]),  # it has ended
    ],
)
def test_a_member_found_while_its_campaign_is_hidden_is_taken_over_if_that_fires_again(
    minute: int, expected: list[tuple[str, str]]
) -> None:
    incidents = fresh()
    (campaign,) = step(incidents, 5, groups=pool(5))
    judge(incidents, 5, campaign.alert_id, "benign")
    assert states(step(incidents, minute, [finding("p001", minute)])) == [("p001", "firing")]
    assert states(judge(incidents, minute, campaign.alert_id, "withdrawn")) == expected


def test_a_confirmed_incident_goes_on_and_its_members_teach_nothing() -> None:
    incidents = fresh()
    (fired,) = step(incidents, 5, groups=pool(5))
    confirmed_verdict = Verdict(
        alert_id=fired.alert_id, label="true_positive", author="ana", time=START_S + 300
    )
    alerts, confirmed = incidents.record_feedback(START_S + 300, [confirmed_verdict], [])
    assert states(alerts) == [("campaign", "firing")]
    assert alerts[0].verdict == confirmed_verdict
    assert [one.accounts for one in confirmed] == [fired.account_ids]
    assert confirmed[0].until == START_S + 300 + FEEDBACK.mute_s
    taken_back = msgspec.structs.replace(
        confirmed_verdict, label="withdrawn", time=confirmed_verdict.time + 1
    )
    assert incidents.record_feedback(START_S + 360, [taken_back], [])[1][0].until == 0


def test_successors_are_looked_for_of_confirmed_accounts() -> None:
    incidents = fresh()
    (fired,) = step(incidents, 5, groups=pool(5))
    known = incidents._detector._successions._known
    labels: tuple[Any, ...] = ("true_positive", "withdrawn")
    for second, label in enumerate(labels):
        given = Verdict(
            alert_id=fired.alert_id, label=label, author="ana", time=START_S + 300 + second
        )
        incidents.record_feedback(START_S + 300, [given], [])
        confirmed = [known.is_confirmed(name) for name in fired.account_ids or ()]
        assert confirmed == [label == "true_positive"] * len(confirmed)


def test_of_two_verdicts_the_later_counts_in_whatever_order_they_come() -> None:
    metrics = Metrics()
    incidents = fresh(metrics)
    (fired,) = step(incidents, 1, [finding("a", 1)])
    judge(incidents, 1, fired.alert_id, "benign", at=20)
    assert judge(incidents, 1, fired.alert_id, "withdrawn", at=10) == []
    assert judge(incidents, 1, fired.alert_id, "benign", at=20) == []
    assert judge(incidents, 1, "inc_" + 20 * "f", "benign") == []
    for result, verdicts in {"applied": 1, "repeated": 2, "unknown": 1}.items():
        found = [
            value(metrics, "verdicts_total", verdict=label, result=result)
            for label in ("benign", "withdrawn")
        ]
        assert sum(found) == verdicts, result


def test_verdicts_are_bounded_and_the_oldest_goes_first() -> None:
    metrics = Metrics()
    incidents = fresh(metrics, max_verdicts=2)
    fired = step(incidents, 1, [finding(name, 1) for name in "abc"])
    sent = [judge(incidents, minute, a.alert_id, "benign") for minute, a in enumerate(fired, 1)]
    assert value(metrics, "limit_hits_total", limit="verdicts") == 1
    assert sorted(states(sent[-1])) == [("a", "firing"), ("c", "resolved")]


# -- verdicts on campaigns --------------------------------------------------------------------


def test_a_campaign_that_was_judged_stays_quiet_as_it_grows_a_little() -> None:
    incidents = fresh()
    (fired,) = step(incidents, 5, groups=pool(5))
    (over,) = judge(incidents, 5, fired.alert_id, "false_positive")
    assert states([over]) == [("campaign", "resolved")]
    assert step(incidents, 10, groups=pool(10, 36)) == []


def test_a_campaign_that_is_mostly_others_by_now_fires() -> None:
    incidents = fresh()
    (fired,) = step(incidents, 5, groups=pool(5))
    judge(incidents, 5, fired.alert_id, "false_positive")
    others = [*pool(10, 36, prompt=2, prefix="q"), *pool(10, 36, prompt=3, prefix="r")]
    members = sorted({m.account_id for one in [*pool(10), *others] for m in one.members})
    grown = step(incidents, 10, groups=[*others, group(LinkKind.TEMPLATE, 4, 10, members)])
    assert states(grown) == [("campaign", "firing")]
    assert grown[0].alert_id == fired.alert_id


def test_the_same_links_with_other_members_are_the_same_cause() -> None:
    incidents = fresh(mute_s=30 * 86400)
    (fired,) = step(incidents, 5, groups=pool(5))
    judge(incidents, 5, fired.alert_id, "benign")
    late = 5 * 24 * 60  # it is forgotten by then
    assert step(incidents, late, groups=pool(late, prefix="q")) == []
    assert states(step(incidents, late + 10, groups=pool(late + 10, prompt=2, prefix="r"))) == [
        ("campaign", "firing")
    ]


@pytest.mark.parametrize("overlapping", [True, False])
def test_the_same_links_are_the_same_cause_after_the_salt_is_replaced(*, overlapping: bool) -> None:
    incidents = fresh(mute_s=30 * 86400)
    (fired,) = step(incidents, 5, groups=pool(5))
    judge(incidents, 5, fired.alert_id, "benign")
    late = 5 * 24 * 60
    renamed = [
        msgspec.structs.replace(
            one,
            value=one.value + 2**63,
            renamed={one.value: one.value + 2**63} if overlapping else {},
        )
        for one in pool(late, prefix="q")
    ]
    alerts = step(incidents, late, groups=renamed)
    assert states(alerts) == ([] if overlapping else [("campaign", "firing")])


def test_members_of_a_judged_campaign_may_have_incidents_of_their_own() -> None:
    incidents = fresh()
    (fired,) = step(incidents, 5, groups=pool(5))
    judge(incidents, 5, fired.alert_id, "false_positive")
    assert states(step(incidents, 6, [finding("p003", 6)])) == [("p003", "firing")]
    again = judge(incidents, 7, fired.alert_id, "withdrawn")
    assert states(again) == [("campaign", "firing"), ("p003", "resolved")]


def test_a_campaign_has_the_values_that_link_it() -> None:
    (fired,) = step(fresh(), 5, groups=pool(5))
    prompt = fired.links[0]
    assert (prompt.link, prompt.value, prompt.accounts) == ("system_prompt", f"{1:016x}", 24)
    assert {one.link for one in fired.links[1:]} == {"payment"}


# -- suppressions -----------------------------------------------------------------------------


@pytest.mark.parametrize(("by", "match"), [("account", "ci-7"), ("pattern", "ci-*")])
def test_a_suppressed_account_is_sent_when_the_suppression_ends(by: str, match: str) -> None:
    metrics = Metrics()
    incidents = fresh(metrics)
    suppress(incidents, 1, suppression(by, match, until=60))
    assert value(metrics, "suppressions_active", matcher=by) == 1
    fired = step(incidents, 2, [finding("ci-7", 2), finding("other", 2)])
    assert states(fired) == [("other", "firing")]
    assert value(metrics, "alerts_suppressed_total", reason=by) == 1
    step(incidents, 40, [finding("ci-7", 40), finding("other", 40)])
    late = [alert for alert in step(incidents, 61) if alert.account_id == "ci-7"]
    assert [(alert.status, alert.updated_at) for alert in late] == [
        ("firing", "2026-03-02T01:00:00Z")
    ]
    assert value(metrics, "suppressions_active", matcher=by) == 0


def test_what_fires_already_is_resolved_with_the_reason() -> None:
    incidents = fresh()
    step(incidents, 1, [finding("a", 1)])
    (over,) = suppress(incidents, 1, suppression("account", "a", until=60))
    assert over.status == "resolved"
    assert "suppressed until 2026-03-02T01:00:00Z" in over.summary
    assert "load test" in over.summary


def test_a_removed_suppression_hides_nothing_however_often_it_is_read() -> None:
    incidents = fresh()
    one = suppression("account", "a", until=60)
    suppress(incidents, 1, one)
    step(incidents, 2, [finding("a", 2)])
    gone = msgspec.structs.replace(one, removed=True, time=START_S + 150)
    assert states(suppress(incidents, 3, gone)) == [("a", "firing")]
    assert suppress(incidents, 4, one) == []


def test_a_campaign_is_hidden_by_what_links_all_of_it() -> None:
    incidents = fresh()
    value = suppression("value", f"{1:016x}", until=60, link="system_prompt")
    suppress(incidents, 1, value)
    assert step(incidents, 5, groups=pool(5)) == []
    assert states(step(incidents, 55, groups=pool(55))) == []
    assert states(step(incidents, 61)) == [("campaign", "firing")]


@pytest.mark.parametrize(
    "some",
    [
        suppression("account", "p003", until=60),
        suppression("pattern", "p00*", until=60),
        suppression("value", f"{1000:016x}", until=60, link="payment"),
    ],
)
def test_a_few_suppressed_members_hide_no_campaign(some: Suppression) -> None:
    incidents = fresh()
    suppress(incidents, 1, some)
    assert states(step(incidents, 5, groups=pool(5))) == [("campaign", "firing")]


def test_suppressions_are_bounded_and_those_that_end_first_go() -> None:
    metrics = Metrics()
    incidents = fresh(metrics, max_suppressions=2)
    names = {"a": 300, "b": 100, "c": 200}
    for number, (name, until) in enumerate(names.items()):
        one = suppression("account", name, until, name=f"sup_{number:020x}")
        suppress(incidents, 1, one)
    assert value(metrics, "limit_hits_total", limit="suppressions") == 1
    assert states(step(incidents, 2, [finding(name, 2) for name in "abc"])) == [("b", "firing")]


# -- laws -------------------------------------------------------------------------------------


def firing(alerts: list[Alert]) -> set[str]:
    last = {alert.alert_id: alert.status for alert in alerts}
    return {name for name, status in last.items() if status == "firing"}


@given(
    findings,
    st.lists(st.integers(1, 600), max_size=8),
    st.lists(st.tuples(st.sampled_from(["a", "p*", "p00*"]), st.integers(1, 300)), max_size=3),
)
@example([(46, [], 24), (226, [], 6)], [227], [])  # the cool-down ends before clusters are scored
@example([(4, [], 24), (8, [], 30)], [10], [("p*", 10)])  # both at one time
@settings(deadline=None, max_examples=60)
def test_steps_without_findings_are_irrelevant(
    found: Found, idle: list[int], hidden: list[tuple[str, int]]
) -> None:
    def run(events: Found) -> tuple[list[Alert], float]:
        metrics = Metrics()
        incidents = fresh(metrics)
        for number, (match, until) in enumerate(hidden):
            name = f"sup_{number:020x}"
            suppress(incidents, 0, suppression("pattern", match, until, name=name))
        alerts = feed(incidents, events)
        return alerts, value(metrics, "alerts_suppressed_total", reason="pattern")

    taken = {minute for minute, _, _ in found}
    mixed: Found = sorted([*found, *((m, [], 0) for m in {*idle, 700} - taken)])
    assert run(mixed) == run([*found, (700, [], 0)])


@given(findings, st.integers(0, 7), st.sampled_from(["false_positive", "benign"]))
@example([(213, [], 24), (220, [("p001", 0.85)], 0)], 0, "benign")  # the campaign fires again
@example([(213, [], 24), (273, [("p001", 0.85)], 0)], 0, "benign")  # it has ended meanwhile
@settings(deadline=None, max_examples=40)
def test_a_verdict_that_is_withdrawn_was_never_given(
    found: Found, when: int, label: VerdictLabel
) -> None:
    """But for members found meanwhile, which a campaign that has ended no longer stands for."""
    straight, judged = fresh(), fresh()
    expected: list[Alert] = []
    alerts: list[Alert] = []
    given_on: str | None = None
    own: set[str] = set()
    for i, event in enumerate(found):
        expected += feed(straight, [event])
        alerts += feed(judged, [event])
        if i == when and firing(alerts):
            given_on = min(firing(alerts))
            alerts += judge(judged, event[0], given_on, label)
        elif given_on:
            alerts += judge(judged, event[0], given_on, "withdrawn")
            if given_on not in firing(alerts):
                meanwhile = {account for account, _ in event[1]}
                own = {alert.alert_id for alert in alerts if alert.account_id in meanwhile}
            given_on = None
            assert firing(expected) <= firing(alerts) <= firing(expected) | own
    if given_on is None:
        assert firing(expected) <= firing(alerts) <= firing(expected) | own


@given(findings, st.integers(0, 8), st.integers(0, 8))
@settings(deadline=None, max_examples=40)
def test_a_restart_forgets_no_feedback(found: Found, spoken: int, crash: int) -> None:
    def run(crash: int | None) -> list[Alert]:
        incidents, stored, alerts = fresh(), dict[bytes, bytes](), list[Alert]()
        for i, event in enumerate([*found, (700, [], 0), (1500, [], 0)]):
            if i == crash:
                incidents = fresh()
                restore(incidents, stored.items())
                incidents.recovered()
                assert changes(incidents) == []
            alerts += feed(incidents, [event])
            if i == spoken:
                alerts += suppress(incidents, event[0], suppression("account", "b", until=400))
                for name in sorted(firing(alerts)):
                    alerts += judge(incidents, event[0], name, "benign")
            for key, row in changes(incidents):
                if row is None:
                    stored.pop(key, None)
                else:
                    stored[key] = row
        return alerts

    assert run(crash) == run(None)


def test_a_group_with_one_value_more_is_still_the_one_that_was_judged() -> None:
    incidents = fresh()
    (fired,) = step(incidents, 5, groups=pool(5))
    judge(incidents, 5, fired.alert_id, "benign")
    names = [f"p{i:03}" for i in range(24)]
    assert step(incidents, 10, groups=[group(LinkKind.TEMPLATE, 9, 10, names)]) == []
