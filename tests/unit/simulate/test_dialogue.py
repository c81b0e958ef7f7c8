"""Conversations of the simulator: what each request carries, and whose accounts carry them."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest

from stream.tools.simulate.account import Text
from stream.tools.simulate.benign.conversing import conversing, failing_over, opening_alike
from stream.tools.simulate.benign.people import people, tool_users
from stream.tools.simulate.benign.shared_key import team_keys
from stream.tools.simulate.dialogue import Conversation, OwnDialogue
from stream.tools.simulate.dice import Dice
from stream.tools.simulate.planted.materials import Brief, Material
from stream.tools.simulate.planted.reseller import reseller
from stream.tools.simulate.planted.router import router
from stream.tools.simulate.traffic import attributed
from stream.tools.simulate.world import World

START_S = 1_772_409_600.0
DAY_S = 86_400.0


@pytest.fixture
def world() -> World:
    return World(Dice(np.random.default_rng(11)), START_S)


def brief(per_day, days=2.0):
    return Brief(campaign_id="c", start_s=START_S, end_s=START_S + days * DAY_S, per_day=per_day,
                 material=Material("", [], []))  # fmt: skip


def play(accounts, days=2.0, *, text=True):
    rng = np.random.default_rng(5)
    span_s = days * DAY_S
    return [
        r for _, r in attributed(list(accounts), rng, start_s=START_S, span_s=span_s, text=text)
    ]


def contents(turn):
    """Return what the messages of a turn say."""
    assert turn.messages is not None
    return [message.content for message in turn.messages]


def opened(request):
    """Return the first question and answer that a request carries, None for a first turn."""
    if len(request.messages) < 3:
        return None
    first, second = request.messages[:2]
    return first.content, second.content


def conversations(events):
    """Return the accounts and the requests of each conversation that has a second turn."""
    found = defaultdict(list)
    for request in events:
        if opened(request):
            found[opened(request)].append(request)
    return found


def several(events):
    """Return the share of conversations that more than one account carries."""
    found = conversations(events).values()
    return np.mean([len({r.account_id for r in requests}) > 1 for requests in found])


def test_a_turn_carries_the_turns_before_it_and_their_tokens():
    now = Conversation(3)
    first = now.carry(Text(None, "q1"), 10)
    now.keep(Text(None, "q1"), 10, "a1", 200)
    second = now.carry(Text(None, "q2"), 7)
    assert contents(first) == ["q1"]
    assert contents(second) == ["q1", "a1", "q2"]
    assert (first.input_tokens, second.input_tokens) == (10, 217)


def test_some_clients_send_their_last_messages_only():
    now = Conversation(9, window=3)
    for number in range(4):
        now.keep(Text(None, f"q{number}"), 10, f"a{number}", 100)
    turn = now.carry(Text(None, "q4"), 5)
    assert contents(turn) == ["q3", "a3", "q4"]
    assert turn.input_tokens == 115


@pytest.mark.parametrize("text", [True, False])
def test_input_grows_by_the_answer_and_the_new_message(world, text):
    events = play(router(world, 1, brief(300)), text=text)
    grown = [r for r in events if r.status == 200 and r.input_tokens > 1000]
    known = {r.input_tokens + r.output_tokens for r in events}
    # Some request before it, with its answer, explains all but a short message of the input.
    explained = [any(0 < r.input_tokens - k < 300 for k in known) for r in grown]
    assert len(grown) > 100
    assert np.mean(explained) > 0.9


def test_the_answer_that_a_client_sends_back_is_the_one_it_got(world):
    events = play(router(world, 10, brief(60)))
    given = {r.response for r in events if r.response}
    carried = {m.content for r in events for m in r.messages if m.role == "assistant"}
    assert len(carried) > 100
    assert carried <= given
    assert all(r.response is None for r in events if r.status != 200)
    assert all(r.messages[-1].content == r.prompt for r in events)


def test_a_failed_turn_is_no_context():
    dialogue = OwnDialogue(Dice(np.random.default_rng(3)))
    dialogue.turn(START_S, 100, lambda: Text(None, "what is it?"))
    assert dialogue.answered(START_S, 0) is None
    turn = dialogue.turn(START_S + 5, 100, lambda: Text(None, "what is it?"))
    assert contents(turn) == ["what is it?"]


def test_a_router_deals_conversations_and_shares_nothing_but_its_client(world):
    accounts = list(router(world, 30, brief(60)))
    events = play(accounts)
    assert several(events) > 0.7
    assert len({r.client_ip for r in events}) > 0.99 * len(events)
    assert len({r.user_agent for r in events}) == 1
    assert len({a.paper.payment_id for a in accounts}) == 30
    assert len({r.asn for r in events}) >= 50
    prompts = [r.prompt for r in events]
    assert len(set(prompts)) > 0.99 * len(prompts)


def test_a_sticky_router_keeps_each_conversation_with_one_account(world):
    events = play(router(world, 30, brief(60), sticky=True))
    assert len(conversations(events)) > 200
    assert several(events) == 0


def test_turns_of_a_conversation_follow_at_a_reader_s_pace(world):
    events = play(router(world, 30, brief(60)))
    gaps = [
        b.timestamp - a.timestamp
        for requests in conversations(events).values()
        for a, b in pairwise(requests)
    ]
    assert 60 < np.median(gaps) < 600


def test_a_reseller_has_dozens_of_customers_behind_each_account(world):
    events = play(reseller(world, 6, brief(150)))
    agents, places, times = defaultdict(set), defaultdict(set), defaultdict(list)
    for r in events:
        agents[r.account_id].add(r.user_agent)
        places[r.account_id].add(r.client_ip)
        times[r.account_id].append(r.timestamp)
    whole = [a for a in times if len(times[a]) > 150]
    assert min(len(agents[a]) for a in whole) >= 10
    assert min(len(places[a]) for a in whole) >= 12
    assert 50 < sum(map(len, times.values())) / 12 < 250
    assert several(events) < 0.1


def test_a_banned_account_is_replaced_within_the_hour(world):
    parts = list(reseller(world, 1, brief(3000, days=14)))
    spans = {}
    for r in play(parts, 14.0):
        begin, end = spans.get(r.account_id, (r.timestamp, r.timestamp))
        spans[r.account_id] = min(begin, r.timestamp), max(end, r.timestamp)
    order = sorted(spans.values())
    assert len(order) >= 3
    for (_, ended), (begins, _) in pairwise(order):
        assert 0 < begins - ended < 2 * 3600
    papers = {part.account_id: part.paper for part in parts}
    assert len({paper.payment_id for paper in papers.values()}) == len(papers)


def test_conversing_people_differ_in_input_and_messages_alone():
    def crowd():
        world = World(Dice(np.random.default_rng(4)), START_S)
        return [*people(world, 20), *tool_users(world, 5)]

    plain = play(crowd())
    talking = play(conversing(Dice(np.random.default_rng(9)), crowd()))
    assert len(plain) == len(talking) > 500
    for a, b in zip(plain, talking, strict=True):
        assert a == replace_fields(b, input_tokens=a.input_tokens, messages=None, response=None)
    people_s = [r for r in talking if r.messages]
    assert 0.5 < np.mean([len(r.messages) > 1 for r in people_s]) < 0.95
    assert several(people_s) == 0
    assert any(r.messages is None for r in talking)  # a tool's completions


def replace_fields(request, **fields):
    changed = {name: getattr(request, name) for name in request.__struct_fields__} | fields
    return type(request)(**changed)


def test_people_s_inputs_stay_about_what_was_drawn():
    def crowd():
        return list(people(World(Dice(np.random.default_rng(4)), START_S), 60))

    plain = np.median([r.input_tokens for r in play(crowd())])
    talking = conversing(Dice(np.random.default_rng(9)), crowd())
    assert 0.6 * plain < np.median([r.input_tokens for r in play(talking)]) < 1.7 * plain


def test_a_failing_key_hands_conversations_to_the_customer_s_other_one(world):
    accounts = list(failing_over(world, 4, 6 * DAY_S))
    events = play(accounts, 6.0)
    payments = defaultdict(set)
    for account in accounts:
        payments[account.paper.payment_id].add(account.account_id)
    assert {len(keys) for keys in payments.values()} == {2}
    assert 0 < several(events) < 0.3


def test_shared_links_and_suggestions_open_conversations_alike(world):
    linked = play(
        opening_alike(world, 20, kind="shared-link", openings=3, share=0.5, given=True), 4.0
    )
    suggested = play(
        opening_alike(world, 20, kind="suggested", openings=3, share=0.5, given=False), 4.0
    )
    for events in (linked, suggested):
        most = max(len({r.account_id for r in c}) for c in conversations(events).values())
        assert most >= 5
    # Who opens a link did not get the answer in it; who takes a suggestion did.
    got = {r.response for r in suggested}
    assert {pair[1] for pair in conversations(suggested)} <= got
    assert not {pair[1] for pair in conversations(linked)} <= {r.response for r in linked}


def test_a_team_shares_a_key_but_no_conversation(world):
    accounts = list(team_keys(world, 3, START_S + 2 * DAY_S))
    events = play(accounts)
    agents = defaultdict(set)
    for r in events:
        agents[r.account_id].add(r.user_agent)
    assert len(agents) == 3
    assert max(map(len, agents.values())) >= 4
    assert several(events) == 0
    assert all(a.paper.organization_id for a in accounts)
