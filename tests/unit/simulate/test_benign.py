from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest

from stream.tools.simulate.account import QUANTILES
from stream.tools.simulate.benign.company import company
from stream.tools.simulate.benign.customers import joining, teamed
from stream.tools.simulate.benign.jobs import evaluations
from stream.tools.simulate.benign.networks import phones, vpn_customers
from stream.tools.simulate.benign.occasions import NEW_MODEL, adopting, benchmarkers, failovers
from stream.tools.simulate.benign.people import people
from stream.tools.simulate.benign.services import service
from stream.tools.simulate.dice import Dice
from stream.tools.simulate.traffic import attributed
from stream.tools.simulate.world import World

START_S = 1_772_409_600.0
DAY_S = 86_400.0


@pytest.fixture
def world() -> World:
    return World(Dice(np.random.default_rng(8)), START_S)


def play(accounts, days):
    rng = np.random.default_rng(2)
    return [r for _, r in attributed(accounts, rng, start_s=START_S, span_s=days * DAY_S)]


def test_benchmarkers_put_the_new_model_through_everything_after_its_release(world):
    release_s = START_S + DAY_S
    events = play(list(benchmarkers(world, 6, release_s=release_s)), 3)
    new = [r for r in events if r.model == NEW_MODEL]
    assert min(r.timestamp for r in new) > release_s
    assert len(new) > 0.7 * len(events)


def test_unrelated_teams_share_public_items_and_nothing_else(world):
    public = [["one public item"], ["another public item"]]
    accounts = [
        *benchmarkers(world, 6, release_s=START_S, public=public),
        *evaluations(world, 6, per_day=300, public=public),
    ]
    teams = defaultdict(set)
    for request in play(accounts, 2):
        teams[request.prompt.split("\n")[-1]].add(request.account_id)
    assert len(teams["one public item"] | teams["another public item"]) >= 8
    assert len({a.paper.payment_id for a in accounts}) == 12


def test_failovers_send_everything_during_the_outage(world):
    outage_s = START_S + DAY_S
    events = play(list(failovers(world, 10, outage_s=outage_s)), 2)
    during = [r for r in events if 0 <= r.timestamp - outage_s < 5 * 3600]
    quiet = len(events) - len(during)
    assert len(during) > 2 * quiet
    alive = Counter(r.account_id for r in events if r.timestamp < outage_s)
    assert len(alive) == 10


def test_an_adopter_changes_the_model_once_and_for_all(world):
    account = service(world)
    parts = list(adopting(world, account, release_s=START_S))
    models = [r.model == NEW_MODEL for r in play(parts, 7)]
    assert models == sorted(models)


@pytest.mark.parametrize("crowd", [vpn_customers, phones])
def test_strangers_share_addresses_of_their_network(world, crowd):
    users = defaultdict(set)
    for request in play(list(crowd(world, 30)), 4):
        users[request.client_ip].add(request.account_id)
    assert sum(len(who) >= 2 for who in users.values()) >= 8


@pytest.mark.parametrize("seed", range(12))
def test_the_staff_of_a_young_company_has_accounts_before_it_uses_them(seed):
    founding = World(Dice(np.random.default_rng(seed)), START_S)
    assert all(a.paper.created_at < START_S for a in company(founding, 40))


def test_some_customers_sign_up_during_the_traffic(world):
    accounts = list(joining(world, people(world, 300), share=0.2, span_s=3 * DAY_S))
    new = {a.account_id: a for a in accounts if a.paper.created_at > START_S}
    assert 30 < len(new) < 90
    for request in play(accounts, 3):
        if request.account_id in new:
            assert request.timestamp > request.account_created_at


def test_colleagues_share_a_payment(world):
    accounts = list(teamed(world, people(world, 300), share=0.5))
    payments = Counter(a.paper.payment_id for a in accounts if a.paper.payment_id)
    assert 2 <= max(payments.values()) <= 6
    assert sum(count > 1 for count in payments.values()) >= 10
    shared = {(a.paper.payment_id, a.paper.organization_id) for a in accounts
              if a.paper.payment_id and payments[a.paper.payment_id] > 1}  # fmt: skip
    assert len(dict(shared)) == len(shared) == len({owner for _, owner in shared})
    assert None not in dict(shared).values()


def test_who_comes_through_a_vpn_or_a_phone_belongs_to_no_team(world):
    customers = [*vpn_customers(world, 60), *phones(world, 60)]
    accounts = list(teamed(world, customers, share=0.9))
    assert {a.paper.organization_id for a in accounts} == {None}


def test_measured_lengths_take_the_place_of_the_log_normal_ones(world):
    account = service(world)
    inputs = np.full(QUANTILES, 50_000, np.int32)
    outputs = np.arange(QUANTILES, dtype=np.int32) + 1
    account = replace(
        account,
        tokens=replace(account.tokens, measured=(inputs, outputs)),
        calls=replace(account.calls, max_tokens=None, errors=0.0, limited=0.0),
    )
    events = play([account, service(world)], 7)
    ours = [r for r in events if r.account_id == account.account_id]
    assert {r.input_tokens for r in ours} == {50_000}
    sent = [r.output_tokens for r in ours]
    assert max(sent) <= QUANTILES
    assert math.isclose(np.mean(sent), QUANTILES / 2, rel_tol=0.3)
