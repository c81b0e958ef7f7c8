"""A router is found by the conversations that it deals; those that resemble it stay silent."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from stream.core.thresholds import DEFAULT_THRESHOLDS
from stream.intake.codec.event import RequestEvent, admit
from stream.intake.fingerprint.fingerprinter import Fingerprinter
from testlib.traffic.conversations import (
    START_S,
    Talk,
    accused,
    by_one,
    by_request,
    played,
    spread,
    text,
)

Events = list[dict[str, Any]]

ROUTER = [f"router-{n}" for n in range(24)]
in_both_logs = pytest.mark.parametrize("answers", [True, False], ids=["answers", "no answers"])


@pytest.fixture
def rng() -> random.Random:
    return random.Random(11)


def routed(rng: random.Random, accounts: list[str], *, talks: int, hours: float = 2.0) -> Events:
    """Return conversations of other people, dealt to the accounts request by request."""
    turns = [rng.choice([2, 3, 4, 6]) for _ in range(talks)]
    dealt = [Talk(by_request(accounts), turns=count, exits=True) for count in turns]
    return spread(rng, dealt, hours=hours)


@in_both_logs
def test_a_router_is_found_within_the_hour_with_all_its_accounts(
    rng: random.Random, *, answers: bool
) -> None:
    # Without answers in the log it takes more of them.
    found = played(rng, routed(rng, ROUTER, talks=120 if answers else 240), answers=answers)
    assert accused(found.alerts) == set(ROUTER)
    assert found.alerts[0].detected_at <= "2026-03-02T01:00:00Z"
    latest = found.alerts[-1]
    assert latest.evidence[0].feature == "conversation_handover"
    assert latest.evidence[0].value > 50
    # Its accounts are new, and each looks as if many people used it.
    assert {"conversation"} <= {link.link for link in latest.links} <= {"conversation", "customers"}
    assert "conversations that went from one to another" in latest.summary


@in_both_logs
def test_keys_of_one_team_are_silent_where_the_log_has_the_team(
    rng: random.Random, *, answers: bool
) -> None:
    keys = [f"key-{n}" for n in range(12)]
    nameless = routed(rng, keys, talks=60 if answers else 200)
    team = [event | {"organization_id": "team"} for event in nameless]
    assert played(rng, team, answers=answers).alerts == []
    # Nothing but the organization tells them from a router.
    assert accused(played(rng, nameless, answers=answers).alerts) == set(keys)


@in_both_logs
def test_customers_who_fail_over_between_two_keys_are_silent(
    rng: random.Random, *, answers: bool
) -> None:
    events = [
        event
        for n in range(20)
        for event in routed(rng, [f"first-{n}", f"second-{n}"], talks=6)
    ]  # fmt: skip
    found = played(rng, events, answers=answers)
    # Without answers in the log the key that is asked first shows nothing, so nothing is shared.
    assert found.alerts == []
    assert found.groups == []
    assert (found.handed_over > 60) == answers


@in_both_logs
def test_keys_that_follow_one_another_are_silent(rng: random.Random, *, answers: bool) -> None:
    # A person's key is replaced every ten minutes, in the middle of conversations.
    def keys(person: int) -> Any:
        def deal(rng: random.Random, turns: int) -> list[str]:
            first = rng.randrange(10)
            return [f"person-{person}-key-{first + turn // 2}" for turn in range(turns)]

        return deal

    talks = [Talk(keys(person), turns=6) for person in range(12) for _ in range(8)]
    found = played(rng, spread(rng, talks, hours=2), answers=answers)
    found.assert_silent()
    assert found.handed_over > 60


@in_both_logs
def test_shared_chats_that_very_many_go_on_with_are_silent(
    rng: random.Random, *, answers: bool
) -> None:
    events: Events = []
    for chat in range(3):
        first, second = Talk(by_one([f"author-{chat}"]), turns=2).events(rng, START_S)
        events += [first, second]
        for reader in range(60):
            talk = Talk(by_one([f"reader-{chat}-{reader}"]), history=second["messages"][:2])
            events += spread(rng, [talk], hours=1.5, start_s=START_S + 900)
    played(rng, events, answers=answers).assert_silent()


@in_both_logs
def test_friends_who_exchange_some_of_their_chats_are_scored_below_the_line(
    rng: random.Random, *, answers: bool
) -> None:
    friends = [f"friend-{n}" for n in range(12)]
    own = [[*Talk(by_one([name])).events(rng, START_S)] for name in friends for _ in range(2)]
    events = [event for talk in own for event in talk]
    for name in friends:
        # Everybody goes on with three chats of the others.
        for talk in rng.sample(own, 3):
            shared = Talk(by_one([name]), turns=1, history=talk[1]["messages"][:2])
            events += spread(rng, [shared], hours=0.5, start_s=START_S + 1800)
    events += spread(rng, [Talk(by_one([name])) for name in friends for _ in range(3)], hours=2)
    found = played(rng, events, answers=answers)
    found.assert_silent()
    assert found.handed_over >= 8


@in_both_logs
def test_equal_answers_to_popular_questions_are_silent(
    rng: random.Random, *, answers: bool
) -> None:
    # As at temperature 0, or from the gateway's cache; each account has asked the question itself.
    popular = {text(rng, 3): text(rng, 30) for _ in range(30)}
    talks = [
        Talk(by_one([f"pupil-{n}"]), first=question, answers=popular.get)
        for n in range(40)
        for question in rng.sample([*popular], 6)
    ]
    events = spread(rng, talks, hours=2)
    carried = {*zip(conversations(events), (event["account_id"] for event in events), strict=True)}
    users = Counter(value for value, _ in carried if value)
    assert sum(accounts > 1 for accounts in users.values()) >= 25
    found = played(rng, events, answers=answers)
    assert found.alerts == []
    assert found.handed_over == 0  # such an account takes nothing over


def conversations(events: Events) -> list[int]:
    """Return the fingerprint of the conversation that each request carries."""
    decoded = [RequestEvent(**event) for event in events]
    for event in decoded:
        admit(event, 0, 1e12, Counter())
    columns = Fingerprinter(b"salt").columns(decoded, range(len(decoded))).columns
    found: list[int] = columns["conversation"].tolist()
    return found


@pytest.mark.parametrize("per_account", [20, 200])
@in_both_logs
def test_teams_with_one_library_of_examples_are_silent(
    rng: random.Random, *, answers: bool, per_account: int
) -> None:
    # Examples in front of a question look like an earlier turn, to all who use the same ones.
    library = [
        [{"role": "user", "content": text(rng, 12)},
         {"role": "assistant", "content": text(rng, 30)}]
        for _ in range(24)
    ]  # fmt: skip
    talks = [
        Talk(by_one([f"team-{n}"]), turns=1, history=rng.choice(library))
        for n in range(10)
        for _ in range(per_account)
    ]
    found = played(rng, spread(rng, talks, hours=2), answers=answers)
    assert found.alerts == []
    assert (found.handed_over > 10) == (not answers)  # with answers, nobody was ever given them
    assert all(group.score < DEFAULT_THRESHOLDS.clear_score for group in found.groups)
    assert answers or found.groups


@in_both_logs
def test_who_replays_the_conversations_of_others_accuses_itself_alone(
    rng: random.Random, *, answers: bool
) -> None:
    # The attackers know all that two accounts ask and are told, word by word, and go on with it,
    # so as to share dozens of conversations with both; one of these is a bot that they talk to.
    victims = {"victim", "bot"}
    talks = [Talk(by_one([victim])) for victim in sorted(victims) for _ in range(40)]
    theirs = spread(rng, talks, hours=1.5)
    attackers = [f"attacker-{n}" for n in range(12)]
    replayed = [
        replay
        for event in theirs
        if len(event["messages"]) > 1
        for attacker in rng.sample(attackers, 2)
        for replay in Talk(by_one([attacker]), turns=1, history=event["messages"][:2]).events(
            rng, event["timestamp"] - 20
        )
    ]
    found = played(rng, [*theirs, *replayed], answers=answers)
    assert accused(found.alerts) <= {*attackers}
    assert found.handed_over > 60
    assert not any(group.members & victims for group in found.groups)


@in_both_logs
def test_who_repeats_all_that_an_account_sends_does_not_accuse_it(
    rng: random.Random, *, answers: bool
) -> None:
    # Every word of the victim's requests, so that they share its phrases as well.
    theirs = spread(rng, [Talk(by_one(["victim"])) for _ in range(40)], hours=1.5)
    repeated = [
        event | {"account_id": name, "timestamp": event["timestamp"] + rng.uniform(1, 300)}
        for event in theirs
        for name in rng.sample([f"attacker-{n}" for n in range(12)], 3)
    ]
    found = played(rng, [*theirs, *repeated], answers=answers)
    assert {name.partition("-")[0] for name in accused(found.alerts)} == {"attacker"}


def test_forged_answers_link_no_account_where_the_log_has_answers(rng: random.Random) -> None:
    forgers = [f"forger-{n}" for n in range(24)]
    forged = [
        event | {"messages": [{"role": "user", "content": text(rng, 12)}, *event["messages"]]}
        for event in routed(rng, forgers, talks=120)
        if len(event["messages"]) > 1
    ]
    for event in forged:
        event["messages"][2] = {"role": "assistant", "content": f"Of course, {text(rng, 30)}"}
    found = played(rng, forged, answers=True)
    assert found.alerts == []
    assert found.groups == []
    assert any(conversations(forged))
