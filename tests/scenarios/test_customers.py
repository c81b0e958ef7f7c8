"""Resold access, many customers behind each account, is found; whose accounts many use is not.

With the fields that gateways log; nobody's requests have a word in common with another's.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from testlib.scored import ScoredGroup, assert_scored_and_silent
from testlib.traffic.link_traffic import HOUR_S, START_S, Account, campaign_of, people, run
from testlib.traffic.logged import in_mode
from testlib.traffic.stories import Rng, aged

BEGINS_S = START_S + 26 * HOUR_S
HOURS = 55
OFFICE = (7, 21)


@pytest.fixture
def rng() -> Rng:
    return np.random.default_rng(23)


def crowd(rng: Rng) -> list[Account]:
    """People, a third of whom come during the days."""
    return [
        replace(person, start_s=START_S + float(rng.uniform(0, 50 * HOUR_S)) * (i % 3 == 0))
        for i, person in enumerate(people(rng, 110))
    ]


def crowded(rng: Rng, name: str, users: int, **traits: object) -> Account:
    """Return an account that is used from the homes of ``users`` people, and began on one day."""
    defaults = {
        "addresses": tuple(f"{name}/home-{i}" for i in range(users)),
        "start_s": BEGINS_S + float(rng.uniform(0, 10 * HOUR_S)),
        "crowded": True,
    }
    return aged(rng, name, **(defaults | traits))


def replaced(rng: Rng, account: Account, at_s: float) -> list[Account]:
    """Return an account until it is banned, and the next one of the same people after a while."""
    back_s = at_s + float(rng.uniform(0.1, 0.9)) * HOUR_S
    after = aged(
        rng, f"{account.name}-next", addresses=account.addresses, crowded=account.crowded,
        per_day=account.per_day, hours=account.hours, start_s=back_s,
    )  # fmt: skip
    return [replace(account, until_s=at_s), after]


def reseller(rng: Rng) -> list[Account]:
    """Sixteen accounts of customers in all countries, of which six are banned and replaced."""
    found = []
    for i in range(16):
        account = crowded(
            rng, f"resold-{i}", int(rng.integers(30, 80)),
            per_day=float(150 * rng.lognormal(0, 0.2)),
            start_s=BEGINS_S + float(rng.uniform(0, 2 * HOUR_S)),
        )  # fmt: skip
        ban_s = BEGINS_S + float(rng.uniform(6, 22)) * HOUR_S
        found += replaced(rng, account, ban_s) if i < 6 else [account]
    return found


def teams(rng: Rng, name: str, **traits: object) -> list[Account]:
    """Sixteen teams of one country, no organization logged; some large, most small."""
    return [
        crowded(
            rng, f"{name}-{i}", int(rng.integers(8, 20)), hours=OFFICE,
            per_day=float(100 * rng.lognormal(0, 0.7)), **traits,
        )
        for i in range(16)
    ]  # fmt: skip


def test_a_reseller_is_found_by_its_customers(rng: Rng) -> None:
    members, bystanders = reseller(rng), teams(rng, "bystander")[:2]
    town = [*crowd(rng), *members, *bystanders]
    alert = campaign_of(run(in_mode(town, "gateway"), hours=HOURS))
    accounts, names = alert.account_ids or (), {account.name for account in members}
    assert len(names & {*accounts}) >= 0.8 * len(names)
    assert {*accounts} <= names | {account.name for account in bystanders}
    # Who began on that day, too, is not certain: those whose customers carried on are.
    certain = {accounts[i] for one in alert.members if one.degree == "certain" for i in one.members}
    assert certain <= names
    assert len(certain) >= 4
    assert {"many_customers", "around_the_world", "customers_carried_on"} <= {
        evidence.feature for evidence in alert.evidence
    }


def test_a_router_whose_every_request_leaves_from_another_home_is_found(rng: Rng) -> None:
    members = [
        crowded(rng, f"router-{i}", 4000, per_day=float(45 * rng.lognormal(0, 0.3)))
        for i in range(40)
    ]
    alert = campaign_of(run(in_mode([*crowd(rng), *members], "gateway"), hours=HOURS))
    named, names = {*(alert.account_ids or ())}, {account.name for account in members}
    assert len(named & names) >= 0.8 * len(names)
    assert len(named & names) >= 0.95 * len(named)


# -- twins ----------------------------------------------------------------------------------------


def silent(rng: Rng, accounts: list[Account], twin: str) -> ScoredGroup:
    town = in_mode([*crowd(rng), *accounts], "gateway")
    return assert_scored_and_silent(town, hours=HOURS, twin=twin)


def test_teams_that_a_vendor_brings_on_one_day_are_silent(rng: Rng) -> None:
    assert "many_customers" in silent(rng, teams(rng, "team"), "team-").evidence


def test_teams_of_which_one_loses_its_key_are_silent(rng: Rng) -> None:
    first, *others = teams(rng, "team")
    silent(rng, [*replaced(rng, first, BEGINS_S + 14 * HOUR_S), *others], "team-")


def test_products_that_users_everywhere_call_directly_are_silent(rng: Rng) -> None:
    # All launched on one day; few become popular.
    products = [
        replace(team, hours=(0, 24), per_day=float(150 * rng.lognormal(0, 1.3)))
        for team in teams(rng, "product")
    ]
    assert "many_customers" in silent(rng, products, "product-").evidence


def test_teams_of_long_standing_that_renew_their_keys_are_silent(rng: Rng) -> None:
    keys = []
    for team in teams(rng, "key", start_s=START_S):
        keys += replaced(rng, team, BEGINS_S + float(rng.uniform(0, 25)) * HOUR_S)
    found = silent(rng, keys, "key-")
    assert not {"many_customers", "customers_carried_on"} & {*found.evidence}


def test_departments_of_one_company_are_silent(rng: Rng) -> None:
    silent(rng, teams(rng, "department", organization="company"), "department-")
