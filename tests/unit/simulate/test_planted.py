from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from stream.tools.simulate.benign.occasions import NEW_MODEL
from stream.tools.simulate.dice import Dice
from stream.tools.simulate.planted.disjoint import succession
from stream.tools.simulate.planted.evasive import evasive_hydra, evasive_pool
from stream.tools.simulate.planted.light import burst, slow
from stream.tools.simulate.planted.materials import Brief, Material
from stream.tools.simulate.planted.pool import second_pool
from stream.tools.simulate.planted.relay import evasive_relay, relay
from stream.tools.simulate.planted.shapes import SHAPES
from stream.tools.simulate.planted.turned import pivot, standing, takeover
from stream.tools.simulate.planted.wording import own_words
from stream.tools.simulate.traffic import attributed
from stream.tools.simulate.world import World

START_S = 1_772_409_600.0
DAY_S = 86_400.0
ITEMS = [f"what is {a} times {b}, plus {a * b % 7}?" for a, b in combinations(range(40), 2)]
MATERIAL = Material("Show every thought before the answer.", ITEMS)


def brief(per_day: float, days: float = 2.0, start_d: float = 0.0) -> Brief:
    return Brief(
        campaign_id="c",
        start_s=START_S + start_d * DAY_S,
        end_s=START_S + (start_d + days) * DAY_S,
        per_day=per_day,
        material=MATERIAL,
    )


@pytest.fixture
def world() -> World:
    return World(Dice(np.random.default_rng(3)), START_S)


def play(accounts, days=2.0):
    rng = np.random.default_rng(5)
    return list(attributed(accounts, rng, start_s=START_S, span_s=days * DAY_S))


def shingles(text):
    words = text.lower().split()
    return {tuple(words[i : i + 6]) for i in range(len(words) - 5)}


def test_two_accounts_seldom_word_an_instruction_alike():
    dice = Dice(np.random.default_rng(1))
    said = [shingles(own_words(dice)) for _ in range(300)]
    pairs = [bool(a & b) for a, b in combinations(said, 2)]
    assert sum(pairs) / len(pairs) < 0.01


@pytest.mark.parametrize("shape", [evasive_pool, evasive_hydra, evasive_relay])
def test_evasive_accounts_look_like_anybody(world, shape):
    accounts = list(shape(world, 30, brief(50)))
    payments = Counter(account.paper.payment_id for account in accounts)
    assert payments.most_common(1)[0][1] == 1
    assert all(a.paper.created_at <= START_S - 30 * DAY_S for a in accounts)
    assert len({a.origin.software[0].agent for a in accounts}) >= 8
    assert all(request.system_prompt is None for _, request in play(accounts))


def test_evasive_pool_has_no_network_in_common_but_asks_the_same(world):
    accounts = list(evasive_pool(world, 20, brief(300)))
    places = Counter(address.ip for a in accounts for address in a.origin.addresses)
    assert places.most_common(1)[0][1] <= 2
    asked = defaultdict(set)
    for account, request in play(accounts):
        item = next(item for item in ITEMS if item in request.prompt)
        asked[item].add(account.account_id)
    assert np.mean([len(who) > 1 for who in asked.values()]) > 0.9


def test_evasive_relay_deals_sessions_over_accounts_behind_one_pool(world):
    accounts = list(evasive_relay(world, 40, brief(20), exits=30))
    events = play(accounts)
    assert len({request.client_ip for _, request in events}) <= 30
    assert len({request.asn for _, request in events}) == 1
    files = defaultdict(set)
    for account, request in events:
        _, _, path = request.prompt.partition("\n\n# ")
        if path:
            files[path.split("\n")[0]].add(account.account_id)
    assert np.mean([len(who) > 1 for who in files.values()]) > 0.5


def test_relay_serves_people_under_one_set_of_orders(world):
    accounts = list(relay(world, 60, brief(5.6)))
    events = play(accounts)
    assert len({request.system_prompt for _, request in events}) == 1
    assert 60 * 5.6 * 2 * 0.7 < len(events) < 60 * 5.6 * 2 * 1.3


def test_relayed_sessions_that_are_given_are_used_once(world):
    session = ["first turn of it", "second turn of it"]
    known = replace(brief(20), material=Material("", [], [session]))
    prompts = Counter(request.prompt for _, request in play(list(relay(world, 9, known)), 1.0))
    assert prompts["first turn of it"] == 1


def test_burst_accounts_ask_a_handful_of_times(world):
    accounts = list(burst(world, 100, brief(2)))
    counts = Counter(request.account_id for _, request in play(accounts))
    assert 3 < sum(counts.values()) / 100 < 5
    assert all(a.paper.payment_id is None for a in accounts)


def test_slow_accounts_never_sleep_and_share_nothing(world):
    accounts = list(slow(world, 12, brief(60, days=3)))
    hours = defaultdict(set)
    for _, request in play(accounts, 3.0):
        if request.timestamp >= START_S + DAY_S:
            hours[request.account_id].add(int(request.timestamp // 3600) % 24)
    assert min(map(len, hours.values())) >= 20
    assert len({a.paper.payment_id for a in accounts}) == 12
    assert len({a.origin.addresses[0].ip for a in accounts}) == 12


def test_a_banned_pool_comes_back_with_new_accounts(world):
    banned_s, back_s = START_S + 0.5 * DAY_S, START_S + 1.2 * DAY_S
    accounts = list(second_pool(world, 5, brief(400), banned_s=banned_s, back_s=back_s))
    events = play(accounts)
    before = {r.account_id for _, r in events if r.timestamp < banned_s}
    after = {r.account_id for _, r in events if r.timestamp >= back_s}
    assert len(before) == len(after) == 5
    assert not before & after
    assert not [r for _, r in events if banned_s <= r.timestamp < back_s]
    assert len({r.system_prompt for _, r in events}) == 1


def test_a_taken_over_account_extracts_a_tenth_then_half(world):
    account = standing(world, 1500, age_d=14)
    half_s = START_S + 2 * DAY_S
    parts = list(takeover(world, account, brief(1500, 3.0, 1.0), half_s=half_s))
    events = play(parts, 4.0)
    assert {r.account_id for _, r in events} == {account.account_id}

    def share(begin_s, end_s):
        some = [part.attack for part, r in events if begin_s <= r.timestamp < end_s]
        return np.mean(some), len(some) / (end_s - begin_s) * DAY_S

    assert share(START_S, START_S + DAY_S)[0] == 0
    tenth, _ = share(START_S + DAY_S, half_s)
    half, _ = share(half_s, START_S + 4 * DAY_S)
    assert 0.05 < tenth < 0.2
    assert 0.35 < half < 0.65


def test_pivoting_accounts_move_half_to_the_new_model_within_a_day(world):
    accounts = [standing(world, 200) for _ in range(20)]
    parts = list(pivot(world, accounts, brief(200, 3.0, 1.0), model=NEW_MODEL))
    events = play(parts, 4.0)
    new = [r for _, r in events if r.model == NEW_MODEL]
    assert min(r.timestamp for r in new) > START_S + DAY_S
    assert {r.account_id for r in new} == {a.account_id for a in accounts}
    settled = [r.model == NEW_MODEL for _, r in events if r.timestamp > START_S + 2 * DAY_S]
    assert 0.35 < np.mean(settled) < 0.65
    assert all(part.attack == (r.model == NEW_MODEL) for part, r in events)


@pytest.mark.parametrize("name", SHAPES)
def test_no_two_accounts_of_a_campaign_have_one_organisation(world, name):
    # The accounts that turn are products as they were before.
    accounts = {a.account_id: a for a in SHAPES[name].build(world, 40, brief(50)) if a.attack}
    named = Counter(a.paper.organization_id for a in accounts.values() if a.paper.organization_id)
    assert max(named.values(), default=1) == 1
    assert (0 < len(named) < len(accounts)) == name.endswith("-evasive")


def test_a_disjoint_hydra_repeats_no_task_and_chats_in_between(world):
    parts = list(SHAPES["hydra-disjoint"].build(world, 60, brief(11)))
    events = play(parts)
    tasks = [r for a, r in events if a.attack]
    assert 0.3 < len(tasks) / len(events) < 0.5
    assert len({r.prompt for r in tasks}) == len(tasks)
    alike = [shingles(r.prompt) for r in tasks[:200]]
    pairs = [bool(a & b) for a, b in combinations(alike, 2)]
    assert np.mean(pairs) < 0.01
    chat = [r.output_tokens for a, r in events if not a.attack]
    assert np.median([r.output_tokens for r in tasks]) > 1.7 * np.median(chat)
    assert len({r.client_ip for _, r in events}) >= len({a.account_id for a in parts})


def test_a_succession_carries_the_same_mix_on_without_a_shared_value(world):
    parts = list(succession(world, 20, brief(120), [START_S + DAY_S]))
    events = play(parts)
    times = defaultdict(list)
    for _, r in events:
        times[r.account_id].append(r.timestamp)
    old = {name for name, at in times.items() if at[0] < START_S + DAY_S / 2}
    new = times.keys() - old
    assert len(old) == len(new) == 20
    assert max(times[name][-1] for name in old) < START_S + DAY_S + 360
    assert min(times[name][0] for name in new) > START_S + DAY_S
    for field in ("payment_id", "client_ip", "prompt"):
        before = {getattr(r, field) for _, r in events if r.account_id in old}
        assert not before & {getattr(r, field) for _, r in events if r.account_id in new}
    models = [
        Counter(r.model for _, r in events if r.account_id in some)["atlas-reason"] / 20
        for some in (old, new)
    ]
    assert 0.6 < models[0] / models[1] < 1.6


def test_a_patient_lone_is_older_than_the_log_and_silent_until_it_extracts(world):
    (account,) = SHAPES["lone-hard"].build(world, 1, brief(4000, 2.0, 0.55))
    events = [r for _, r in play([account])]
    assert account.paper.created_at < START_S
    assert events[0].timestamp > START_S + 0.55 * DAY_S
    hours = Counter(int((r.timestamp - START_S) // 3600) for r in events)
    assert len(hours) >= 34
    assert 3200 < len(events) / 1.45 < 4800
