"""The planted part of scenarios that are more than a shape."""

from dataclasses import replace

import pytest
from quality.campaigns import planted
from quality.plan import DAY_S, first, quick
from quality.texts import Texts


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
