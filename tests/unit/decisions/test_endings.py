import pytest

from stream.decisions.endings import on_time, on_verdict
from stream.decisions.transitions import approve, refuse
from testlib.decisions import ALICE, DAY_S, NOW_S, proposal, read, register_of, stored, verdict

PROPOSED = stored(proposal())
APPROVED = approve(PROPOSED, ALICE, NOW_S)
OTHER = stored(proposal(decision_id="dec_" + "2" * 20, reason=proposal().reason.__class__()))


@pytest.mark.parametrize("label", ["false_positive", "benign"])
def test_a_person_who_clears_an_incident_undoes_its_decisions_at_once(label):
    register = register_of(PROPOSED, APPROVED, OTHER)
    (undone,) = on_verdict(verdict(label, "bob"), register, NOW_S + 1)
    assert (undone.decision.state, undone.decision.actor.name) == ("undone", "bob")
    assert undone.decision.note == f"{label}: a class"
    read(register, undone)
    assert on_verdict(verdict(label), register, NOW_S + 2) == []


@pytest.mark.parametrize("label", ["true_positive", "withdrawn"])
def test_other_verdicts_end_nothing(label):
    assert on_verdict(verdict(label), register_of(APPROVED), NOW_S) == []


def test_everything_expires():
    register = register_of(APPROVED, OTHER)
    assert on_time(register, NOW_S + DAY_S - 1) == []
    ended = on_time(register, NOW_S + DAY_S)
    assert [one.decision.state for one in ended] == ["expired", "expired"]
    read(register, *ended)
    assert on_time(register, NOW_S + 9 * DAY_S) == []


def test_what_has_ended_does_not_end_again():
    assert on_time(register_of(refuse(PROPOSED, ALICE, NOW_S)), NOW_S + 9 * DAY_S) == []
