"""The planted part of scenarios that are more than a shape."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from msgspec import structs
from quality.campaigns import planted
from quality.plan import CAMPAIGNS, DAY_S, first, quick
from quality.run import _fork_day
from quality.store import Truth
from quality.texts import Texts
from quality.together import NINE, TOGETHER, prompts, together

from stream.tools.simulate.dice import Dice


@pytest.fixture
def plan():
    return replace(quick(), patient_among=480, heavy=5)


def test_the_hard_lone_is_one_of_as_many_accounts_as_the_plan_wants(plan):
    made = planted(plan, "lone-hard", Texts())
    (lone,) = [account for account in made.accounts if account.attack]
    others = {account.account_id: account.kind for account in made.accounts}
    assert len(others) + plan.crowd.accounts == 480 + 1
    assert sum(kind == "service" for kind in others.values()) == 5
    assert made.from_s == plan.start_s
    assert made.begins_s == plan.start_s + plan.patient_d * DAY_S
    assert lone.paper.created_at < plan.start_s


def test_a_succession_is_banned_when_the_plan_bans(plan):
    made = planted(plan, "succession", Texts())
    accounts = {account.account_id for account in made.accounts}
    count = plan.campaign("succession").accounts
    assert len(accounts) == (1 + len(plan.bans_d)) * count
    assert made.begins_s < plan.start_s + plan.bans_d[0] * DAY_S


@pytest.mark.parametrize("plan", [quick(), first()], ids=["quick", "first"])
def test_a_crowd_counts_its_accounts(plan):
    assert plan.crowd.accounts > {"quick": 370, "first": 2250}[plan.name]
    begins, last = plan.bans_d[0], plan.bans_d[-1]
    assert plan.begins_d + 10 / 24 < begins < last < plan.days - 0.25


def test_nine_campaigns_hide_behind_what_benign_accounts_send(plan):
    halves = [campaign.accounts for campaign in plan.campaigns if campaign.id in NINE]
    made = together(plan, Texts(), ["a prompt of somebody else"])
    campaigns = {account.campaign_id for account in made.accounts if account.attack}
    assert campaigns == set(NINE)
    attackers = {account.account_id for account in made.accounts if account.attack}
    assert len(attackers) < sum(halves)
    alone = {a.account_id for name in NINE for a in planted(plan, name, Texts()).accounts}
    assert not attackers & alone
    dice = Dice(np.random.default_rng(1))
    repeated = {
        name: np.mean([
            account.writer(dice).prompt == "a prompt of somebody else"
            for account in made.accounts
            if account.campaign_id == name
            for _ in range(200 // len(halves))
        ])
        for name in ("slow", "router")
    }  # fmt: skip
    assert 0.2 < repeated["slow"] < 0.4
    assert repeated["router"] == 0


def test_the_prompts_are_those_of_some_of_the_people():
    kinds = dict.fromkeys((f"p{number}" for number in range(9)), "person") | {"s": "service"}
    sent = [
        {"timestamp": 1.0, "account_id": account, "model": "m", "prompt": f"{account}-{turn}"}
        for account in kinds
        for turn in range(20)
    ]
    found = prompts(kinds, [msgspec.json.encode(event) for event in sent])
    assert {prompt.partition("-")[0] for prompt in found} == {"p0", "p3", "p6"}
    assert len(found) == 3 * 12


@pytest.mark.parametrize("name", [c.id for c in CAMPAIGNS if c.id != TOGETHER])
def test_every_campaign_is_planted_under_its_own_id_and_begins_in_time(name):
    plan = quick()
    made = planted(plan, name, Texts())
    assert {account.campaign_id for account in made.accounts if account.attack} == {name}
    assert plan.start_s < made.begins_s < plan.end_s - 0.5 * DAY_S


def test_a_scenario_forks_where_its_own_traffic_begins():
    plan = quick()
    late = Truth(kinds={}, requests=0, begins_s=plan.start_s + 1.5 * DAY_S, from_s=plan.start_s)
    assert _fork_day(late, plan) == 0
    assert _fork_day(structs.replace(late, from_s=late.begins_s), plan) == 1
