import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.decisions import DecisionSubject
from stream.core.errors import DecisionError
from stream.decisions.guard_rails import GuardRails
from stream.decisions.settings import DecisionSettings
from stream.decisions.transitions import approve, undo
from testlib.decisions import ALICE, DAY_S, NOW_S, of_accounts, proposal, stored


def rails(**changes):
    return GuardRails(DecisionSettings(**changes))


def of(first, count, at=NOW_S, number=1):
    made = proposal(
        decision_id=f"dec_{number:020d}",
        subject=DecisionSubject(kind="campaign", id="cmp"),
        accounts=[f"acc-{i}" for i in range(first, first + count)],
        until=at + 1,
        proposed_at=at,
        time=at,
    )
    return approve(stored(made), ALICE, at).decision


def test_the_allow_list_has_ids_and_patterns():
    known = rails(allow=("acc-1", "ci-*", "team-[ab]"))
    assert known.is_allowed("acc-1")
    assert not known.is_allowed("acc-10")
    assert known.is_allowed("ci-nightly")
    assert not known.is_allowed("my-ci-1")
    assert known.is_allowed("team-a")
    assert not known.is_allowed("team-c")
    assert not rails().is_allowed("acc-1")


@pytest.mark.parametrize(
    ("mode", "action", "accounts", "alone", "expected"),
    [
        ("observe", "watch", 1, False, 1),
        ("propose", "suspend", 20, False, 1),
        ("propose", "suspend", 21, False, 2),
        ("enforce", "throttle", 5000, False, 0),
        ("enforce", "suspend", 1, False, 1),
        ("enforce", "suspend", 1, True, 0),
        ("enforce", "suspend", 21, True, 2),  # no policy passes two people
        ("propose", "suspend", 1, True, 1),
    ],
)
def test_who_has_to_approve(mode, action, accounts, alone, expected):
    known = rails(mode=mode, suspend_without_person=alone)
    assert known.people_needed(action, accounts) == expected


def test_what_exceeds_the_accounts_of_a_day_is_left_out_whole_and_the_next_that_fits_counts():
    known = rails(max_accounts_a_day=10)
    six, five, four = of(0, 6, number=1), of(6, 5, NOW_S + 1, 2), of(20, 4, NOW_S + 2, 3)
    assert known.exceeding([four, five, six]) == {five.key}
    # Accounts that are acted on twice count once.
    again = of(0, 6, NOW_S + 3, 4)
    assert known.exceeding([six, four, again]) == frozenset()
    # A day later there is room.
    later = of(6, 5, NOW_S + DAY_S + 3, 5)
    assert known.exceeding([six, four, later]) == frozenset()
    with pytest.raises(DecisionError, match="more than 10 accounts"):
        known.check(five, [six])
    known.check(four, [six])


def test_an_undone_decision_counts_and_simulated_or_allowed_ones_do_not():
    six, five = of(0, 6), of(6, 5, NOW_S + 1, 2)
    undone = undo(stored(six), ALICE, NOW_S + 1).decision
    assert rails(max_accounts_a_day=10).exceeding([undone, five]) == {five.key}
    assert rails(max_accounts_a_day=10, allow=("acc-0",)).exceeding([six, five]) == frozenset()
    trial = approve(stored(of_accounts(11)), ALICE, NOW_S, simulated=True).decision
    assert rails(max_accounts_a_day=10).exceeding([trial]) == frozenset()


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 12), st.floats(0, 3 * DAY_S))),
    st.integers(1, 20),
)
def test_no_day_acts_on_more_accounts_than_it_may(drawn, most):
    decisions = [of(a, n, NOW_S + at, i + 1) for i, (a, n, at) in enumerate(drawn)]
    out = rails(max_accounts_a_day=most).exceeding(decisions)
    carried = [one for one in decisions if one.key not in out]
    for end in (one.approved_at for one in carried):
        day = {a for one in carried if end - DAY_S < one.approved_at <= end for a in one.accounts}
        assert len(day) <= most


def stopping(share, first, count=10, at=NOW_S, number=1, *, action="suspend"):
    made = of(first, count, at, number)
    return msgspec.structs.replace(made, traffic_share=share, action=action)


def test_what_would_stop_more_of_the_traffic_than_a_day_may_is_left_out_whole():
    known = rails(max_traffic_share_a_day=0.3, two_people_above=100)
    large, small = stopping(0.2, 0), stopping(0.1, 20, at=NOW_S + 2, number=3)
    second = stopping(0.15, 10, at=NOW_S + 1, number=2)
    assert known.exceeding([small, second, large]) == {second.key}
    later = stopping(0.15, 10, at=NOW_S + DAY_S + 1, number=4)
    assert known.exceeding([small, large, later]) == frozenset()
    with pytest.raises(DecisionError, match=r"35\.0% of its requests"):
        known.check(stopping(0.35, 40, number=5), [])


def test_mild_actions_and_unknown_shares_stop_nothing():
    known = rails(max_traffic_share_a_day=0.3)
    mild = [stopping(0.9, 0, action=action) for action in ("watch", "verify", "mark", "reroute")]
    assert known.exceeding(mild) == frozenset()
    assert known.exceeding([stopping(None, 0), stopping(0.3, 20, number=2)]) == frozenset()
    assert known.exceeding([stopping(0.31, 0, action="throttle")])


def test_accounts_that_are_stopped_twice_count_once_with_the_larger_share():
    known = rails(max_traffic_share_a_day=0.3)
    first, again = stopping(0.1, 0), stopping(0.2, 0, at=NOW_S + 1, number=2)
    other = stopping(0.1, 20, at=NOW_S + 2, number=3)
    assert known.exceeding([first, again, other]) == frozenset()
    assert known.exceeding([first, again, other, stopping(0.01, 40, at=NOW_S + 3, number=4)]) == {
        f"dec_{4:020d}"
    }
    # Allowed accounts are not acted on, so they stop nothing.
    half = rails(max_traffic_share_a_day=0.3, allow=tuple(f"acc-{i}" for i in range(5)))
    assert half.exceeding([stopping(0.6, 0)]) == frozenset()


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(1, 12), st.floats(0, 3 * DAY_S), st.floats(0, 1))
    ),
    st.floats(0.05, 1),
)
def test_no_day_stops_more_of_the_traffic_than_it_may(drawn, most):
    decisions = [
        stopping(share, a, n, NOW_S + at, i + 1) for i, (a, n, at, share) in enumerate(drawn)
    ]
    known = rails(max_accounts_a_day=1000, max_traffic_share_a_day=most)
    out = known.exceeding(decisions)
    carried = [one for one in decisions if one.key not in out]
    for end in (one.approved_at for one in carried):
        each = {}
        for one in carried:
            if end - DAY_S < one.approved_at <= end:
                for account in one.accounts:
                    share = one.traffic_share / len(one.accounts)
                    each[account] = max(each.get(account, 0.0), share)
        assert sum(each.values()) <= most + 1e-6
