"""Laws of limits that decisions and administrators set at a gateway."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.decisions import Limits
from stream.decisions.native_limits import (
    MOST_DECISIONS,
    LimitMark,
    LimitState,
    WantedLimit,
    next_state,
    wanted_limits,
)
from stream.decisions.transitions import approve
from stream.decisions.treatment import TreatmentDefaults
from testlib.decisions import ALICE, NOW_S, proposal, stored

DEFAULTS = TreatmentDefaults(requests_per_minute=10, model="", instruction="")
LIMIT = st.none() | st.integers(0, 5)
WANTED = st.none() | st.builds(
    WantedLimit,
    st.integers(0, 4),
    st.lists(st.sampled_from(["dec_" + c * 20 for c in "abc"]), min_size=1, unique=True).map(tuple),
    st.just(NOW_S + 100),
)
#: An administrator sets a limit, or decisions change, or nothing does.
STEP = st.tuples(st.just("set"), LIMIT) | st.tuples(st.just("want"), WANTED)


def over(_decision: str) -> bool:
    return True


def strictest(*limits: int | None) -> int | None:
    return min((one for one in limits if one is not None), default=None)


@given(LIMIT, st.lists(STEP, max_size=12))
def test_the_gateway_has_the_stricter_and_in_the_end_what_an_administrator_set_last(first, steps):
    state, administrators, wanted = LimitState(first), first, None
    for kind, value in steps:
        if kind == "want":
            wanted = value
        elif not (state.mark and value == state.mark.set):  # our own limit is no change
            state, administrators = replace(state, limit=value), value
        state = next_state(state, wanted, NOW_S, over)
        assert state.limit == strictest(administrators, wanted.limit if wanted else None)
        assert state == next_state(state, wanted, NOW_S, over)  # repeated it changes nothing
    assert next_state(state, None, NOW_S, over) == LimitState(administrators)


@given(LIMIT, LIMIT, st.sampled_from([NOW_S - 1, NOW_S + 1]), st.sets(st.sampled_from("ab")))
def test_a_mark_goes_only_when_all_of_its_decisions_are_over(limit, before, until, ended):
    mark = LimitMark(
        set=3, before=before, decisions=["dec_" + "a" * 20, "dec_" + "b" * 20], until=until
    )
    state = LimitState(limit, mark)
    after = next_state(state, None, NOW_S, lambda one: one[-1] in ended)
    if until <= NOW_S or ended == {"a", "b"}:
        assert after == LimitState(before if limit == 3 else limit)
    else:
        assert after == state


def decided(action, number=1, **changes):
    made = proposal(decision_id=f"dec_{number:020d}", action=action, **changes)
    return approve(stored(made), ALICE, NOW_S).decision


@pytest.mark.parametrize(
    ("action", "limits", "partly"),
    [
        ("watch", {}, False),
        ("verify", {}, True),
        ("throttle", {"rate": 10}, False),
        ("hide_reasoning", {}, True),
        ("mark", {}, True),
        ("reroute", {}, True),
        ("suspend", {"block": 0}, False),
    ],
)
def test_only_suspend_and_throttle_are_limits(action, limits, partly):
    found = wanted_limits([decided(action)], DEFAULTS, observing=False)
    assert found
    assert {name: one.limit for name, one in found.limits.items()} == limits
    assert found.is_partly_unsupported is partly
    assert found.person == ("alice" if limits else "")


def test_shorter_answers_are_more_than_a_rate():
    one = decided("throttle", limits=Limits(requests_per_minute=3, output_tokens=50))
    found = wanted_limits([one], DEFAULTS, observing=False)
    assert found
    assert found.is_partly_unsupported
    assert found.limits["rate"].limit == 3


def test_what_is_simulated_or_observed_wants_nothing():
    assert wanted_limits([decided("suspend")], DEFAULTS, observing=True) is None
    assert wanted_limits([decided("suspend", simulated=True)], DEFAULTS, observing=False) is None
    assert wanted_limits([], DEFAULTS, observing=False) is None


def test_a_mark_names_no_more_decisions_than_it_may():
    many = [decided("suspend", number) for number in range(MOST_DECISIONS + 5)]
    found = wanted_limits(many, DEFAULTS, observing=False)
    assert found
    assert len(found.limits["block"].decisions) == MOST_DECISIONS
