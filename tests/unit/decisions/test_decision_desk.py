import pytest

from stream.core.decisions import DecisionSubject, Reason
from stream.core.errors import DecisionError
from stream.decisions.decision_desk import DecisionDesk
from stream.decisions.guard_rails import GuardRails
from stream.decisions.in_force import InForce
from stream.decisions.proposal import Proposal
from stream.decisions.settings import DecisionSettings
from stream.decisions.transitions import approve, undo
from testlib.decisions import ALICE, DAY_S, NOW_S, held, proposal, read, register_of, stored

SETTINGS = DecisionSettings(mode="propose", two_people_above=3)


def about(number):
    return stored(
        proposal(
            decision_id=f"dec_{number:020d}",
            subject=DecisionSubject(kind="account", id=f"acc-{number}"),
            until=NOW_S + 2 * DAY_S,
        )
    )


def test_many_small_suspensions_need_two_people_as_one_big_one_does():
    register = register_of(*(about(number) for number in range(5)))
    desk = DecisionDesk(SETTINGS, register)
    for number in range(4):
        read(register, desk.approve(about(number).decision.key, "alice", NOW_S))
    # The first was taken back: its account was suspended by one person all the same.
    read(register, undo(held(register, about(0).decision.key), ALICE, NOW_S))
    fourth = held(register, about(3).decision.key)
    assert (fourth.decision.state, fourth.decision.people_needed) == ("proposed", 2)
    with pytest.raises(DecisionError, match="Alice has approved it already"):
        desk.approve(fourth.decision.key, "Alice", NOW_S)
    assert desk.approve(fourth.decision.key, "bob", NOW_S).decision.state == "approved"
    day_later = desk.approve(about(4).decision.key, "alice", NOW_S + DAY_S)
    assert day_later.decision.state == "approved"


def test_suspensions_that_one_person_decides_on_need_a_second_one_too():
    register = register_of()
    desk = DecisionDesk(SETTINGS, register)
    states = []
    for number in range(4):
        made = Proposal(
            subject=DecisionSubject(kind="account", id=f"acc-{number}"),
            action="suspend",
            reason=Reason(),
            lasts_s=3600.0,
        )
        states = desk.decide(f"dec_{number:020d}", made, "alice", NOW_S)
        read(register, *states)
    assert [one.decision.state for one in states] == ["proposed", "proposed"]


def test_of_approvals_in_the_same_second_no_more_are_carried_out_than_one_person_may():
    # Each person's register had none of the others.
    approved = [approve(about(number), ALICE, NOW_S) for number in range(5)]
    table = InForce.of(register_of(*approved), GuardRails(SETTINGS), NOW_S + 1)
    assert len(table.by_subject) == 3
    assert len(table.held_back) == 2


def test_a_clock_that_is_behind_puts_nothing_out_that_is_in_force():
    settings = DecisionSettings(mode="propose", max_accounts_a_day=2)
    inside = [approve(about(number), ALICE, NOW_S + 60) for number in range(2)]
    desk = DecisionDesk(settings, register_of(about(2), *inside))
    with pytest.raises(DecisionError, match="more than 2 accounts"):
        desk.approve(about(2).decision.key, "bob", NOW_S)


def test_nothing_is_approved_for_longer_than_the_longest_of_now():
    desk = DecisionDesk(DecisionSettings(mode="propose", longest_s=600.0), register_of(about(1)))
    approved = desk.approve(about(1).decision.key, "alice", NOW_S)
    assert approved.decision.until == NOW_S + 600


@pytest.mark.parametrize("author", ["a" * 129, "", "\ud800"])
def test_a_name_that_no_reader_would_take_changes_nothing_and_is_said(author):
    desk = DecisionDesk(SETTINGS, register_of(about(1)))
    for act in (desk.approve, desk.refuse, desk.undo):
        with pytest.raises(DecisionError, match="cannot be kept"):
            act(about(1).decision.key, author, NOW_S, note="why")


@pytest.mark.parametrize("note", ["n" * 1001, "\udcff"])
def test_a_reason_that_no_reader_would_take_changes_nothing_and_is_said(note):
    desk = DecisionDesk(SETTINGS, register_of(about(1)))
    for act in (desk.approve, desk.refuse, desk.undo):
        with pytest.raises(DecisionError, match="cannot be kept"):
            act(about(1).decision.key, "alice", NOW_S, note=note)
