import msgspec
import pytest

from stream.core.decisions import Actor
from stream.decisions.audit_chain import Link, note
from stream.decisions.register import Reading
from stream.decisions.settings import DEFAULT_RULES, PolicyRule
from stream.decisions.transitions import approve, expire, refuse, undo
from testlib.decisions import (
    ALICE,
    BOB,
    DAY_S,
    NOW_S,
    account_alert,
    campaign_alert,
    held,
    policy,
    proposal,
    read,
    register_of,
    stored,
    verdict,
)

CLOCK = Actor(kind="clock", name="expiry")


def proposed(states):
    (one,) = [state for state in states if state.decision.state == "proposed"]
    return one


def test_a_campaign_is_proposed_with_its_certain_members_only():
    made = proposed(policy().on_alert(campaign_alert(certain=5, likely=3), register_of(), NOW_S))
    decision = made.decision
    assert decision.accounts == [f"acc-{i:05d}" for i in range(5)]
    assert (decision.action, decision.people_needed, decision.simulated) == ("suspend", 1, False)
    assert decision.until == NOW_S + 3 * DAY_S  # of the proposal
    assert decision.reason.summary == "5 accounts extract"
    assert decision.reason.evidence == ["extraction_volume"]


def test_a_campaign_without_certain_members_is_not_proposed():
    assert policy().on_alert(campaign_alert(certain=0, likely=9), register_of(), NOW_S) == []


@pytest.mark.parametrize(
    "alert",
    [
        account_alert(status="resolved"),
        account_alert(severity="info"),
        account_alert(verdict=verdict("benign")),
        account_alert(verdict=verdict("false_positive")),
    ],
)
def test_nothing_is_proposed_for(alert):
    assert policy().on_alert(alert, register_of(), NOW_S) == []


def test_the_same_alert_makes_the_same_proposal_once():
    one, two = (policy().on_alert(account_alert(), register_of(), NOW_S + i) for i in range(2))
    assert proposed(one).decision.key == proposed(two).decision.key
    assert policy().on_alert(account_alert(), register_of(*one), NOW_S + 60) == []


def test_more_members_replace_the_proposal_that_no_one_has_approved():
    first = policy().on_alert(campaign_alert(certain=5), register_of(), NOW_S)
    register = register_of(*first)
    states = policy().on_alert(campaign_alert(certain=8), register, NOW_S + 60)
    read(register, *states)
    assert len(proposed(states).decision.accounts) == 8
    old = held(register, proposed(first).decision.key).decision
    assert (old.state, old.note) == ("undone", f"replaced by {proposed(states).decision.key}")
    assert proposed(states).decision.replaces == old.key


def test_new_members_of_a_campaign_under_action_are_proposed_and_not_acted_on():
    first = proposed(policy().on_alert(campaign_alert(certain=5), register_of(), NOW_S))
    register = register_of(first, approve(first, ALICE, NOW_S))
    states = policy().on_alert(campaign_alert(certain=8), register, NOW_S + 60)
    assert proposed(states).decision.accounts == ["acc-00005", "acc-00006", "acc-00007"]
    assert held(register, first.decision.key).decision.state == "approved"


def test_enforcing_approves_mild_actions_and_no_suspension():
    enforcing = policy(mode="enforce")
    states = enforcing.on_alert(campaign_alert(severity="warning"), register_of(), NOW_S)
    assert [s.decision.state for s in states] == ["proposed", "approved"]
    states = enforcing.on_alert(campaign_alert(severity="critical"), register_of(), NOW_S)
    assert [s.decision.state for s in states] == ["proposed"]
    bold = policy(mode="enforce", suspend_without_person=True)
    states = bold.on_alert(campaign_alert(severity="critical"), register_of(), NOW_S)
    assert states[-1].decision.state == "approved"
    many = bold.on_alert(campaign_alert(certain=21, severity="critical"), register_of(), NOW_S)
    assert many[-1].decision.people_needed == 2


def test_new_members_are_not_acted_on_by_the_policy_alone_either():
    enforcing = policy(mode="enforce")
    register = register_of(
        *enforcing.on_alert(campaign_alert(severity="warning"), register_of(), NOW_S)
    )
    states = enforcing.on_alert(campaign_alert(8, severity="warning"), register, NOW_S + 60)
    assert [s.decision.state for s in states] == ["proposed"]
    assert states[0].decision.people_needed == 1


def test_observing_and_drills_are_simulated():
    assert proposed(
        policy(mode="observe").on_alert(account_alert(), register_of(), NOW_S)
    ).decision.simulated
    alert = campaign_alert(drill=True, severity="info")  # as every alert of a drill
    (made,) = policy().on_alert(alert, register_of(), NOW_S)
    drill = made.decision
    assert (drill.simulated, drill.drill) == (True, True)
    assert (drill.action, drill.lasts_s, drill.until) == ("throttle", 900, NOW_S + 900)
    approved = approve(made, ALICE, NOW_S).decision
    assert (approved.state, approved.simulated) == ("approved", True)
    no_campaigns = tuple(rule for rule in DEFAULT_RULES if rule.kind == "account")
    assert policy(rules=no_campaigns).on_alert(alert, register_of(), NOW_S) == []
    assert policy().on_alert(campaign_alert(severity="info"), register_of(), NOW_S) == []


def test_a_subject_that_had_its_time_gets_the_next_action_for_twice_as_long():
    one = proposed(policy().on_alert(account_alert(), register_of(), NOW_S))
    assert (one.decision.action, one.decision.lasts_s) == ("throttle", DAY_S)
    approved = approve(one, ALICE, NOW_S)
    register = register_of(one, approved, expire(approved, CLOCK, NOW_S + DAY_S))
    again = proposed(policy().on_alert(account_alert(), register, NOW_S + 2 * DAY_S)).decision
    assert (again.action, again.lasts_s) == ("suspend", 2 * DAY_S)
    late = proposed(policy().on_alert(account_alert(), register, NOW_S + 60 * DAY_S)).decision
    assert (late.action, late.lasts_s) == ("throttle", DAY_S)


def test_no_decision_lasts_longer_than_the_longest():
    rule = PolicyRule(kind="account", severity="critical", action="watch", for_s=90 * DAY_S)
    made = proposed(policy(rules=(rule,)).on_alert(account_alert(), register_of(), NOW_S))
    assert made.decision.lasts_s == 30 * DAY_S


@pytest.mark.parametrize("end", [refuse, undo])
def test_what_a_person_ended_is_not_proposed_again_for_the_incident(end):
    one = proposed(policy().on_alert(account_alert(), register_of(), NOW_S))
    register = register_of(one, end(one, BOB, NOW_S + 1))
    assert policy().on_alert(account_alert(), register, NOW_S + 60) == []
    other = account_alert(alert_id="inc_" + "b" * 20)
    assert proposed(policy().on_alert(other, register, NOW_S + 60))


def test_a_proposal_that_no_one_answered_is_not_repeated():
    one = proposed(policy().on_alert(account_alert(), register_of(), NOW_S))
    register = register_of(one, expire(one, CLOCK, NOW_S + 3 * DAY_S))
    assert policy().on_alert(account_alert(), register, NOW_S + 4 * DAY_S) == []


def test_a_higher_severity_replaces_the_milder_proposal():
    mild = policy().on_alert(campaign_alert(severity="warning"), register_of(), NOW_S)
    register = register_of(*mild)
    states = policy().on_alert(campaign_alert(severity="critical"), register, NOW_S + 60)
    read(register, *states)
    assert proposed(states).decision.action == "suspend"
    assert held(register, proposed(mild).decision.key).decision.state == "undone"


def test_an_account_of_the_allow_list_is_never_proposed():
    careful = policy(allow=("acc-00000", "acc-1"))
    made = proposed(careful.on_alert(campaign_alert(certain=3), register_of(), NOW_S))
    assert made.decision.accounts == ["acc-00001", "acc-00002"]
    assert careful.on_alert(account_alert(), register_of(), NOW_S) == []


def test_a_campaign_of_any_size_fits_a_record_of_the_topic_and_of_the_audit_in_portions():
    # Quotes are escaped in the decision, and once more in the audit.
    ids = sorted('"' * 250 + f"{i:06d}" for i in range(3000))
    alert = msgspec.structs.replace(campaign_alert(certain=3000), account_ids=ids)
    register, taken, portions = register_of(), [], 0
    while made := policy().on_alert(alert, register, NOW_S):
        one = proposed(made)
        record = (one.decision.key.encode(), one.value, b"s" * 64)
        entry, _ = note(
            Link(), record, offset=0, reading=Reading.NEWER, suspicious=False, time=NOW_S
        )
        assert max(len(one.value), len(entry)) < 1_000_000
        taken += one.decision.accounts
        portions += 1
        first = approve(one, ALICE, NOW_S)
        read(register, one, first, approve(first, BOB, NOW_S))
    assert taken == ids
    assert portions > 1


def test_a_subject_with_any_number_of_decisions_behind_it_is_proposed():
    ended = []
    for number in range(1100):
        one = approve(
            stored(proposal(decision_id=f"dec_{number:020x}", lasts_s=60.0)), ALICE, NOW_S
        )
        ended.append(expire(one, CLOCK, NOW_S + 60))
    made = policy().on_alert(account_alert(), register_of(*ended), NOW_S + 61)
    assert proposed(made).decision.lasts_s == 30 * DAY_S
