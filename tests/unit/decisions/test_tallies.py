"""What an enforcer counts, and what it reports of it."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from stream.core.effects import MAX_REQUESTS
from stream.decisions.tallies import Tallies
from testlib.decisions import NOW_S, proposal

ONE, TWO = proposal(), proposal(decision_id="dec_" + "2" * 20, simulated=True)


def tallies(*decisions, most=100, observing=False):
    made = Tallies(enforcer="edge-1", run="0123456789abcdef", most=most)
    made.hold(decisions, NOW_S, observing=observing)
    return made


def test_a_decision_is_reported_as_held_before_any_request_and_once():
    made = tallies(ONE, TWO)
    held = made.take(10)
    assert [(one.decision_id, one.gateway, one.held_at) for one in held] == [
        (ONE.key, "", NOW_S),
        (TWO.key, "", NOW_S),
    ]
    assert [one.simulated for one in held] == [False, True]
    made.hold([ONE, TWO], NOW_S + 60, observing=False)
    assert made.take(10) == []
    assert all(one.simulated for one in tallies(ONE, TWO, observing=True).take(10))


def test_reports_are_cumulative_and_apart_for_each_gateway():
    made = tallies(ONE)
    made.take(10)
    assert made.count("1", ONE.key, "refused", 3, NOW_S + 5)
    assert made.count("2", ONE.key, "changed", 1, NOW_S + 6)
    first, second = made.take(10)
    assert (first.gateway, first.refused_requests, first.first_refused_at) == ("1", 3, NOW_S + 5)
    assert (second.gateway, second.changed_requests, second.first_refused_at) == ("2", 1, None)
    assert made.count("1", ONE.key, "slowed", 2, NOW_S + 9)
    (again,) = made.take(10)
    assert (again.refused_requests, again.slowed_requests, again.requests) == (3, 2, 5)
    assert again.first_refused_at == NOW_S + 5
    assert again.key == first.key == f"{ONE.key}/0123456789abcdef/1"


def test_a_decision_that_was_never_in_force_is_not_counted():
    made = tallies(ONE)
    assert not made.count("1", TWO.key, "refused", 1, NOW_S)
    assert not made.count("1", TWO.key, "refused", 0, NOW_S)
    assert len(made) == 1


def test_nothing_counts_as_a_refusal_when_none_was_refused():
    made = tallies(ONE)
    made.take(10)
    assert made.count("1", ONE.key, "refused", 0, NOW_S)
    assert made.take(10) == []


def test_what_could_not_be_written_is_reported_again_as_it_is_by_then():
    made = tallies(ONE)
    made.count("1", ONE.key, "refused", 1, NOW_S)
    lost = made.take(10)
    made.count("1", ONE.key, "refused", 1, NOW_S)
    made.put_back(lost)
    found = {one.gateway: one.refused_requests for one in made.take(10)}
    assert found == {"": 0, "1": 2}
    assert made.take(10) == []


def test_portions_are_bounded_and_lose_nothing():
    many = [proposal(decision_id=f"dec_{number:020d}") for number in range(25)]
    made = tallies(*many)
    sizes = []
    while portion := made.take(10):
        sizes.append(len(portion))
    assert sizes == [10, 10, 5]


def test_tallies_are_bounded_and_those_of_ended_decisions_go():
    many = [proposal(decision_id=f"dec_{number:020d}") for number in range(100)]
    made = tallies(*many, most=60)
    assert len(made) == 100  # decisions in force are bounded elsewhere
    assert not made.count("1", many[0].key, "refused", 1, NOW_S)
    while made.take(50):
        pass
    made.forget({one.key for one in many[:10]})
    assert len(made) == 10
    assert made.count("1", many[0].key, "refused", 1, NOW_S)
    assert not made.count("1", many[99].key, "refused", 1, NOW_S)


def test_ended_decisions_are_kept_until_their_reports_are_written():
    many = [proposal(decision_id=f"dec_{number:020d}") for number in range(20)]
    made = tallies(*many, most=10)
    made.forget(set())
    assert len(made.take(100)) == 20


@given(st.lists(st.integers(1, 10**12), max_size=8))
def test_counts_stay_within_what_a_report_may_hold(numbers):
    made = tallies(ONE)
    for number in numbers:
        for kind in ("refused", "slowed", "changed", "simulated"):
            made.count("1", ONE.key, kind, number * 10**6, NOW_S)
    for report in made.take(10):
        assert report.requests <= MAX_REQUESTS
        again = msgspec.json.decode(msgspec.json.encode(report), type=type(report))
        assert again == report
