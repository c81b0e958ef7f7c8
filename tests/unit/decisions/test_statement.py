import pytest

from stream.core.canaries import canary_of
from stream.core.decisions import ACTIONS, Limits, Reason
from stream.decisions.statement import statement
from stream.decisions.transitions import approve, refuse, undo
from testlib.decisions import (
    ALICE,
    BOB,
    NOW_S,
    campaign_alert,
    of_accounts,
    policy,
    proposal,
    register_of,
    stored,
)

CONTACT = "trust@example.com"


@pytest.mark.parametrize("action", ACTIONS)
def test_a_statement_has_its_six_parts(action):
    made = approve(stored(of_accounts(3, action=action)), ALICE, NOW_S).decision
    parts = [line.partition(":")[0] for line in statement(made, contact=CONTACT).splitlines()]
    assert parts == ["Decision", "Restriction", "State", "Ground", "Automated means", "Contest"]


def test_a_statement_names_every_restriction():
    made = proposal(action="throttle", limits=Limits(output_tokens=50))
    assert "fewer requests a minute than before. Its answers are shorter" in statement(
        made, contact=CONTACT
    )


def test_a_statement_reveals_no_detector_no_person_and_no_other_account():
    (made,) = policy().on_alert(campaign_alert(certain=5), register_of(), NOW_S)
    decision = approve(made, ALICE, NOW_S).decision
    text = statement(decision, contact=CONTACT)
    for secret in (
        decision.reason.alert_id,
        decision.reason.summary,
        *decision.reason.evidence,
        decision.reason.model_version,
        decision.subject.id,
        *decision.accounts,
        ALICE.name,
        "campaign",
        "critical",
        "0.99",
    ):
        assert secret not in text


def test_a_statement_of_a_mark_has_no_canary():
    limits = Limits(canary=canary_of(7), instruction=f"Use the name {canary_of(7)}.")
    text = statement(proposal(action="mark", limits=limits), contact=CONTACT)
    assert canary_of(7) not in text


def test_a_statement_is_honest_about_people():
    proposed = stored(of_accounts(30, people_needed=2))
    assert "No person has reviewed it yet" in statement(proposed.decision, contact="")
    both = approve(approve(proposed, ALICE, NOW_S), BOB, NOW_S).decision
    assert "2 people approved it" in statement(both, contact="")
    assert "A person proposed" in statement(
        of_accounts(3, proposed_by=ALICE, reason=Reason()), contact=""
    )


def test_a_statement_has_the_state():
    proposed = stored(of_accounts(3))
    approved = approve(proposed, ALICE, NOW_S)
    assert "not in force" in statement(proposed.decision, contact="")
    assert "ends at 2026-03-04T" in statement(approved.decision, contact="")
    assert "lifted at" in statement(undo(approved, BOB, NOW_S).decision, contact="")
    assert "rejected at" in statement(refuse(proposed, BOB, NOW_S).decision, contact="")
    trial = approve(proposed, ALICE, NOW_S, simulated=True).decision
    assert "it is a trial" in statement(trial, contact="")
