"""The module for LiteLLM amounts decisions to what the enforcer does, from the stream alone."""

from __future__ import annotations

import random

import pytest

from distillwatch_litellm import Buckets, Settings, Table, treatment
from stream.core.decisions import ACTIONS, DecisionSubject, Limits, SubjectKind
from stream.decisions.throttles import Throttles
from stream.decisions.treatment import treatment as enforced
from stream.http.enforcer.crowdsec import LapiFeed
from testlib.decisions import NOW_S, proposal
from testlib.litellm_module import CLOCK_S, DEFAULTS, in_force, pulled, table_of

KINDS: tuple[SubjectKind, ...] = ("account", "key", "user", "team")


def anything(rng, number):
    maybe = lambda *values: rng.choice([None, *values])  # noqa: E731
    return proposal(
        decision_id=f"dec_{number:020d}",
        subject=DecisionSubject(kind=rng.choice(KINDS), id=rng.choice("ab")),
        action=rng.choice(ACTIONS),
        lasts_s=rng.choice([600.0, 600.0, 900.0]),
        simulated=rng.random() < 0.1,
        limits=Limits(
            requests_per_minute=maybe(1, 5, 20),
            output_tokens=maybe(100, 200),
            model=maybe("tiny", "mini"),
            instruction=maybe("Sing.", "Count."),
        ),
    )


def carried_out(found):
    """What the module does, in the enforcer's words."""
    return {
        "refused": found.refused is not None,
        "requests_per_minute": found.throttled and found.throttled.requests_per_minute,
        "output_tokens": found.shortened and found.shortened.output_tokens,
        "model": found.rerouted.model if found.rerouted else "",
        "hides_reasoning": found.hidden is not None,
        "instruction": found.marked.instruction if found.marked else "",
    }


@pytest.mark.parametrize("seed", range(40))
def test_any_decisions_amount_to_the_same_as_in_the_enforcer(seed):
    rng = random.Random(seed)
    decisions = [anything(rng, number) for number in range(rng.randrange(9))]
    served, table = in_force(*decisions), table_of(*decisions)
    for _ in range(20):
        subjects = [(kind, rng.choice("abc")) for kind in KINDS]
        for after_s in (0, 599, 601, 901):
            ones = [
                one for one in served.about(subjects, NOW_S + after_s) if not one.simulated
            ]  # fmt: skip
            rows = table.about(subjects, CLOCK_S + after_s)
            assert [row.decision for row in rows] == [one.key for one in ones]
            expected = enforced(ones, DEFAULTS)
            found = carried_out(treatment(rows))
            assert found == {name: getattr(expected, name) for name in found}
            throttled = treatment(rows).throttled
            assert expected.throttled_by == (throttled.decision if throttled else "")


def test_changes_lead_to_the_table_that_everything_at_once_does():
    rng = random.Random(1)
    decisions = [anything(rng, number) for number in range(60)]
    feed, table = LapiFeed(DEFAULTS), Table()
    for _ in range(30):
        now = in_force(*rng.sample(decisions, rng.randrange(60)))
        answer = pulled(now, feed, whole=False)
        table = table.changed(answer["new"] or (), answer["deleted"] or (), CLOCK_S)
        everything = Table().changed(pulled(now)["new"] or (), (), CLOCK_S)
        assert (table.rows, table.count) == (everything.rows, everything.count)


def test_a_throttle_counts_as_the_enforcer_counts():
    rng, mine, theirs, now = random.Random(2), Buckets(), Throttles(most=100), 0.0
    for _ in range(500):
        now += rng.choice([0.0, 1.0, 7.0])
        who = rng.choice("ab")
        assert mine.wait_s(("account", who), 5, now) == theirs.wait_s(who, 5, now)


@pytest.mark.parametrize(
    "change",
    [
        {"distillwatch": None},
        {"value": 7},
        {"value": None},
        {"duration": "soon"},
        {"scope": {}},
        {"distillwatch": {"decision": "d", "action": "delete", "until": 1}},
        {"distillwatch": {"decision": "d", "action": "throttle", "until": 1}},
        {"distillwatch": {"decision": "d", "action": "suspend", "until": "x"}},
    ],
)
def test_a_row_that_is_none_is_left_out_and_counted_and_the_others_count(change):
    (row,) = pulled(in_force(proposal()))["new"]
    table = Table().changed([row | change, None, 5, row], (), CLOCK_S)
    assert table.left_out == 3
    assert list(table.rows) == [("account", "acc-1")]


def test_the_table_is_bounded(monkeypatch):
    monkeypatch.setattr("distillwatch_litellm.MOST_ROWS", 2)
    rows = pulled(in_force(*(one(n) for n in range(5))))["new"]
    table = Table().changed(rows, (), CLOCK_S)
    assert (table.count, table.left_out) == (2, 3)


def one(number):
    subject = DecisionSubject(kind="account", id=f"acc-{number}")
    return proposal(decision_id=f"dec_{number:020d}", subject=subject)


def test_what_has_ended_leaves_the_table_when_the_enforcer_is_away():
    table = table_of(one(1)).changed((), (), CLOCK_S + 86_401)
    assert table.rows == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [("URL", "enforcer:6070"), ("POLL_S", "0"), ("POLL_S", "soon"), ("ACCOUNT", "ip"),
     ("FAIL_CLOSED", "perhaps"), ("STALE_S", "-1")],
)  # fmt: skip
def test_a_wrong_variable_is_named(name, value):
    with pytest.raises(ValueError, match=f"DISTILLWATCH_ENFORCER_{name}: expected"):
        Settings.read({f"DISTILLWATCH_ENFORCER_{name}": value})
    assert Settings.read({}) == Settings()
