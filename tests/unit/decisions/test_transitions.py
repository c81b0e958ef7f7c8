import pytest

from stream.core.decisions import Actor
from stream.core.errors import DecisionError
from stream.decisions.signature import digest
from stream.decisions.transitions import applied, approve, expire, in_force, refuse, undo
from testlib.decisions import ALICE, BOB, DAY_S, NOW_S, of_accounts, proposal, stored

POLICY = Actor(kind="policy", name="account critical")
CLOCK = Actor(kind="clock", name="expiry")


def test_an_approved_proposal_is_in_force_from_its_approval_for_as_long_as_it_lasts():
    proposed = stored(proposal(lasts_s=3600.0))
    approved = approve(proposed, ALICE, NOW_S + 60)
    assert approved.decision.state == "approved"
    assert approved.decision.approved_by == [ALICE]
    assert approved.decision.until == NOW_S + 60 + 3600
    assert not in_force(proposed.decision, NOW_S + 60)
    assert in_force(approved.decision, NOW_S + 61)
    assert not in_force(approved.decision, NOW_S + 60 + 3600)


def test_each_state_names_the_one_before_it():
    proposed = stored(proposal())
    approved = approve(proposed, ALICE, NOW_S + 1)
    ended = undo(approved, BOB, NOW_S + 2, note="a customer")
    assert approved.decision.previous == digest(proposed.value)
    assert ended.decision.previous == digest(approved.value)
    assert [s.decision.sequence for s in (proposed, approved, ended)] == [1, 2, 3]
    assert (ended.decision.state, ended.decision.note, ended.decision.actor) == (
        "undone", "a customer", BOB,
    )  # fmt: skip


def test_a_state_is_never_older_than_the_one_before_it():
    assert approve(stored(proposal()), ALICE, NOW_S - 500).decision.time == NOW_S


def test_two_people_are_two_people_and_one_who_proposed_counts_once():
    proposed = stored(of_accounts(30, people_needed=2, proposed_by=ALICE))
    once = approve(proposed, ALICE, NOW_S)
    assert once.decision.state == "proposed"
    with pytest.raises(DecisionError, match="alice has approved it already"):
        approve(once, ALICE, NOW_S)
    twice = approve(once, BOB, NOW_S)
    assert twice.decision.state == "approved"


def test_the_policy_approves_only_what_needs_no_person():
    assert approve(stored(proposal()), POLICY, NOW_S).decision.state == "proposed"
    alone = stored(proposal(people_needed=0))
    assert approve(alone, POLICY, NOW_S).decision.state == "approved"


def test_what_has_ended_never_changes():
    proposed = stored(proposal())
    for ended in (
        refuse(proposed, ALICE, NOW_S),
        undo(proposed, ALICE, NOW_S),
        expire(proposed, CLOCK, NOW_S + 2 * DAY_S),
    ):
        for change in (approve, refuse, undo, expire, applied):
            with pytest.raises(DecisionError):
                change(ended, BOB, NOW_S + 3 * DAY_S)


def test_what_is_in_force_is_undone_and_not_refused():
    approved = approve(stored(proposal()), ALICE, NOW_S)
    with pytest.raises(DecisionError, match="distillwatch undo"):
        refuse(approved, BOB, NOW_S)
    active = applied(approved, Actor(kind="clock", name="enforcer"), NOW_S + 5)
    assert active.decision.state == "active"
    assert in_force(active.decision, NOW_S + 6)
    assert undo(active, BOB, NOW_S + 6).decision.state == "undone"


def test_a_proposal_that_has_ended_is_not_approved_although_no_one_wrote_its_end():
    with pytest.raises(DecisionError, match="ended at"):
        approve(stored(proposal()), ALICE, NOW_S + 2 * DAY_S)


def test_nothing_expires_before_its_time():
    with pytest.raises(DecisionError, match="does not end now"):
        expire(stored(proposal()), CLOCK, NOW_S + 1)


@pytest.mark.parametrize("name", ["Alice", " alice\t", "al\u200bice", "\uff21lice", "ali\u00adce"])
def test_a_name_that_is_written_otherwise_is_the_same_person(name):
    once = approve(stored(of_accounts(30, people_needed=2)), ALICE, NOW_S)
    with pytest.raises(DecisionError, match="has approved it already"):
        approve(once, Actor(kind="person", name=name), NOW_S)


def test_a_clock_that_is_behind_approves_as_of_the_proposal():
    approved = approve(stored(proposal(lasts_s=600.0)), ALICE, NOW_S - 2 * DAY_S).decision
    assert (approved.approved_at, approved.until) == (NOW_S, NOW_S + 600)
