"""A decision to mark has a word of its own, which no customer's statement names."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.cli.decision_lines import details, line
from stream.core.canaries import CANARIES, CANARY_LETTERS, CANARY_PATTERN, canary_of, has_place
from stream.core.decisions import Actor, Decision, Limits
from stream.core.effects import Effect, FollowedDecision
from stream.decisions.guard_rails import GuardRails
from stream.decisions.policy import Policy
from stream.decisions.settings import DecisionSettings, PolicyRule
from stream.decisions.statement import statement
from stream.decisions.transitions import applied, approve, expire, undo
from stream.decisions.treatment import TreatmentDefaults, instruction_of, treatment
from stream.enforcement.random_canary import random_canary
from stream.http.enforcer.settings import EnforcerSettings
from testlib.decisions import (
    ALICE,
    CANARY,
    NOW_S,
    account_alert,
    campaign_alert,
    proposal,
    register_of,
    stored,
)

NUMBERS = st.integers(0, CANARIES - 1)
MARKS = DecisionSettings(
    mode="propose",
    rules=(
        PolicyRule(kind="campaign", severity="critical", action="mark", for_s=3600, then="suspend"),
        PolicyRule(kind="account", severity="critical", action="watch", for_s=3600, then="mark"),
    ),
)


def policy() -> Policy:
    """Return a policy whose canaries are of the numbers 0, 1, ..."""
    numbers = iter(range(100))
    return Policy(MARKS, GuardRails(MARKS), lambda: canary_of(next(numbers)))


def marked(*, canary: str | None = None, instruction: str | None = None) -> Decision:
    return proposal(action="mark", limits=Limits(canary=canary, instruction=instruction))


@given(NUMBERS, NUMBERS)
def test_different_numbers_are_different_words(one: int, other: int) -> None:
    words = canary_of(one), canary_of(other)
    assert (words[0] == words[1]) == (one == other)
    assert all(re.match(CANARY_PATTERN, word) and len(word) == CANARY_LETTERS for word in words)


def test_there_are_more_than_forty_bits_of_them_and_random_ones_differ() -> None:
    assert CANARIES >= 2**40
    assert canary_of(CANARIES - 1) != canary_of(0)
    drawn = {random_canary() for _ in range(1000)}
    assert len(drawn) == 1000
    assert all(re.match(CANARY_PATTERN, word) for word in drawn)
    assert len({word[:3] for word in drawn}) > 500  # every syllable varies
    assert len({word[9:] for word in drawn}) > 500


@pytest.mark.parametrize("text", ["{canary}", "the {canary}.", "_{canary}-", "({canary} {canary})"])
def test_a_place_for_it_stands_alone(text: str) -> None:
    assert has_place(text)


@pytest.mark.parametrize(
    "text", ["x{canary}", "{canary}s", "{canary}1", "é{canary}", "a{canary} {canary}"]
)
def test_a_place_within_a_word_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a word of its own"):
        has_place(text)
    with pytest.raises(ValueError, match=r"instruction: \{canary\} has to be"):
        EnforcerSettings(instruction=text)


def test_other_text_has_no_place() -> None:
    assert not has_place("Rhyme. {name} {Canary}")
    assert has_place(EnforcerSettings().instruction)


@pytest.mark.parametrize("word", ["the", CANARY.upper(), CANARY[:-1], f"{CANARY}s", f"{CANARY}\n"])
def test_no_other_word_is_kept_as_one(word: str) -> None:
    value = msgspec.json.encode({"canary": word})
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(value, type=Limits)


def test_an_instruction_has_its_canary() -> None:
    with pytest.raises(ValueError, match="goes with an instruction that has it"):
        Limits(instruction="Rhyme.", canary=CANARY)
    assert Limits(instruction=f"Name it {CANARY}.", canary=CANARY).canary == CANARY


def test_the_policy_gives_each_decision_to_mark_one_of_its_own() -> None:
    made = policy()
    register = register_of()
    first, second = (
        made.on_alert(campaign_alert(certain=5, campaign_id=name), register, NOW_S)[0].decision
        for name in ("cmp_1", "cmp_2")
    )
    assert (first.limits.canary, second.limits.canary) == (canary_of(0), canary_of(1))
    assert first.limits.instruction is None  # that of the enforcer


def test_other_actions_have_none() -> None:
    (watch,) = policy().on_alert(account_alert(), register_of(), NOW_S)
    assert watch.decision.limits == Limits()


def test_every_state_of_a_decision_keeps_it_whatever_becomes_of_it() -> None:
    (first,) = policy().on_alert(campaign_alert(), register_of(), NOW_S)
    actor = Actor(kind="enforcer", name="edge")
    approved = approve(first, ALICE, NOW_S)
    held = applied(approved, actor, NOW_S)
    states = [first, approved, held, undo(held, ALICE, NOW_S), expire(held, actor, NOW_S + 7200)]
    assert {one.decision.limits.canary for one in states} == {canary_of(0)}


def test_a_larger_proposal_and_the_next_decision_have_others() -> None:
    """The word of a proposal that was replaced was never given to anyone."""
    made = policy()
    (first,) = made.on_alert(campaign_alert(certain=5), register_of(), NOW_S)
    replaced, larger = made.on_alert(campaign_alert(certain=7), register_of(first), NOW_S)
    assert replaced.decision.limits.canary == canary_of(0)
    assert (larger.decision.replaces, larger.decision.limits.canary) == (
        first.decision.key,
        canary_of(1),
    )


def test_escalation_to_another_action_leaves_it_with_the_decision_that_had_it() -> None:
    made = policy()
    (first,) = made.on_alert(campaign_alert(), register_of(), NOW_S)
    ended = expire(approve(first, ALICE, NOW_S), ALICE, NOW_S + 7200)
    (then,) = made.on_alert(campaign_alert(), register_of(ended), NOW_S + 7300)
    assert (then.decision.action, then.decision.limits.canary) == ("suspend", None)
    assert ended.decision.limits.canary == canary_of(0)


def test_the_enforcers_instruction_has_the_word_of_each_decision() -> None:
    defaults = TreatmentDefaults(
        requests_per_minute=1, model="", instruction="Name it {canary}, {canary}."
    )
    assert instruction_of(marked(canary=CANARY), defaults) == f"Name it {CANARY}, {CANARY}."
    assert instruction_of(marked(), defaults) == ""  # of an earlier version
    own = marked(canary=CANARY, instruction=f"Call it {CANARY}.")
    assert instruction_of(own, defaults) == f"Call it {CANARY}."
    assert instruction_of(marked(instruction="Rhyme."), defaults) == "Rhyme."
    plain = TreatmentDefaults(requests_per_minute=1, model="", instruction="Sing.")
    assert instruction_of(marked(canary=CANARY), plain) == "Sing."
    in_force = approve(stored(marked(canary=CANARY)), ALICE, NOW_S).decision
    assert treatment([in_force], defaults).instruction == f"Name it {CANARY}, {CANARY}."


def test_people_see_it_and_customers_do_not() -> None:
    decision = marked(canary=CANARY, instruction=f"Call it {CANARY}.")
    followed = FollowedDecision(**msgspec.structs.asdict(decision), effect=Effect(), applied=[])
    assert f"canary: {CANARY}" in details(followed)
    assert CANARY not in line(decision)
    assert CANARY not in statement(decision, contact="x")
