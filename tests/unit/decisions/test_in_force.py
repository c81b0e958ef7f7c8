import math
import time

import msgspec

from stream.core.decisions import DecisionSubject
from stream.decisions.guard_rails import GuardRails
from stream.decisions.in_force import InForce
from stream.decisions.settings import DecisionSettings
from stream.decisions.transitions import approve, undo
from testlib.decisions import ALICE, DAY_S, NOW_S, of_accounts, proposal, register_of, stored


def table(*decisions, time=NOW_S + 1, **settings):
    states = [approve(stored(one), ALICE, NOW_S) for one in decisions]
    return InForce.of(register_of(*states), GuardRails(DecisionSettings(**settings)), time)


def account(number, **changes):
    return proposal(decision_id=f"dec_{number:020d}", **changes)


def test_the_strongest_decision_about_a_caller_is_first():
    made = table(
        account(1, action="throttle"),
        account(2, action="suspend", subject=DecisionSubject(kind="team", id="t")),
        account(3, action="watch"),
    )
    found = made.about([("account", "acc-1"), ("team", "t"), ("user", "u")], NOW_S + 2)
    assert [one.action for one in found] == ["suspend", "throttle", "watch"]
    assert [one.action for one in made.about([("account", "acc-1")], NOW_S + 2)] == [
        "throttle", "watch",
    ]  # fmt: skip


def test_only_the_exact_id_of_the_exact_kind_is_touched():
    made = table(account(1))
    for subject in (("account", "acc-10"), ("account", "ACC-1"), ("key", "acc-1"), ("user", "")):
        assert made.about([subject], NOW_S + 2) == ()


def test_a_decision_that_covers_a_caller_twice_counts_once():
    made = table(of_accounts(3))
    found = made.about([("account", "acc-00000"), ("account", "acc-00001")], NOW_S + 2)
    assert len(found) == 1


def test_time_ends_a_decision_without_any_record():
    made = table(account(1))
    assert made.next_end == NOW_S + DAY_S
    assert made.about([("account", "acc-1")], NOW_S + DAY_S) == ()
    assert table(account(1), time=NOW_S + DAY_S).by_subject == {}
    assert table().next_end == math.inf


def test_the_allow_list_lifts_what_is_in_force():
    made = table(of_accounts(3), allow=("acc-00001",))
    assert {subject for _, subject in made.by_subject} == {"acc-00000", "acc-00002"}


def test_guard_rails_hold_back_what_was_approved():
    made = table(of_accounts(11), max_accounts_a_day=10)
    assert made.by_subject == {}
    assert made.held_back == {"dec_" + "1" * 20}


def test_an_undone_decision_is_not_in_force():
    approved = approve(stored(account(1)), ALICE, NOW_S)
    register = register_of(approved, undo(approved, ALICE, NOW_S))
    made = InForce.of(register, GuardRails(DecisionSettings()), NOW_S + 1)
    assert made.by_subject == {}


def test_four_times_as_many_decisions_take_about_four_times_as_long():
    def took_s(number):
        first = approve(stored(account(0)), ALICE, NOW_S).decision
        decisions = [
            msgspec.structs.replace(
                first,
                decision_id=f"dec_{i:020d}",
                subject=DecisionSubject(kind="account", id=f"acc-{i}"),
                approved_at=NOW_S + i,
            )
            for i in range(number)
        ]
        rails = GuardRails(DecisionSettings(max_accounts_a_day=number, two_people_above=number))
        started = time.process_time()
        assert rails.exceeding(decisions) == frozenset()
        return time.process_time() - started

    # Linear would be 4, quadratic 16. A collection of garbage in between counts for neither.
    assert min(took_s(16_000) for _ in range(3)) < 10 * max(took_s(4_000), took_s(4_000))
