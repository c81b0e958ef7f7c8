import pytest

from stream.core.decisions import Limits
from stream.decisions.transitions import approve
from stream.decisions.treatment import AS_EVERYONE, TreatmentDefaults, treatment
from testlib.decisions import ALICE, NOW_S, proposal, stored

DEFAULTS = TreatmentDefaults(requests_per_minute=10, model="small", instruction="")


def of(action, number=1, **changes):
    made = proposal(decision_id=f"dec_{number:020d}", action=action, **changes)
    return approve(stored(made), ALICE, NOW_S).decision


def test_without_a_decision_a_caller_is_treated_as_everyone():
    assert treatment((), DEFAULTS) is AS_EVERYONE


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("watch", {}),
        ("verify", {}),
        ("throttle", {"requests_per_minute": 10}),
        ("hide_reasoning", {"hides_reasoning": True}),
        ("mark", {}),  # no instruction is set
        ("reroute", {"model": "small"}),
        ("suspend", {"refused": True}),
    ],
)
def test_an_action_does_what_it_is_called_and_nothing_else(action, expected):
    found = treatment([of(action)], DEFAULTS)
    plain = {
        "refused": False, "requests_per_minute": None, "model": "", "hides_reasoning": False,
        "instruction": "",
    }  # fmt: skip
    assert {name: getattr(found, name) for name in plain} == plain | expected
    assert found.tier == action


def test_actions_add_up_and_the_lowest_rate_counts():
    found = treatment(
        [
            of("reroute", 1, limits=Limits(model="tiny")),
            of("throttle", 2, limits=Limits(requests_per_minute=6)),
            of("throttle", 3, limits=Limits(requests_per_minute=2)),
        ],
        DEFAULTS,
    )
    assert (found.tier, found.model, found.requests_per_minute) == ("reroute", "tiny", 2)
    assert [action for _, action in found.carried] == ["reroute", "throttle", "throttle"]
    assert found.throttled_by == of("throttle", 3).key


def test_the_shortest_answer_that_a_throttle_allows_counts():
    ones = [of("throttle", n, limits=Limits(output_tokens=most)) for n, most in ((1, 90), (2, 50))]
    assert treatment([*ones, of("throttle", 3)], DEFAULTS).output_tokens == 50
    assert treatment([of("throttle", 3)], DEFAULTS).output_tokens is None
    assert treatment([of("watch", limits=Limits(output_tokens=9))], DEFAULTS).output_tokens is None


def test_simulated_decisions_are_counted_and_change_nothing():
    trial = of("suspend", simulated=True)
    found = treatment([trial], DEFAULTS)
    assert not found.refused
    assert found.tier is None
    assert (found.carried, found.simulated) == ((), (trial.key,))
    assert treatment([trial, of("throttle", 2)], DEFAULTS).tier == "throttle"


def test_while_observing_nothing_is_carried_out_whatever_was_approved_before():
    found = treatment([of("suspend")], DEFAULTS, observing=True)
    assert not found.refused
    assert (len(found.carried), len(found.simulated)) == (0, 1)
