"""A campaign that shares nothing but its exits is found; who shares them for a reason is not.

All without text, payments or dates of creation: the networks, the times and the rates are left.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from testlib.scored import assert_no_candidate, assert_scored_and_silent
from testlib.traffic.link_traffic import HOUR_S, START_S, Account, campaign_of, people, run
from testlib.traffic.logged import in_mode
from testlib.traffic.stories import Rng, aged

BEGINS_S = START_S + 30 * HOUR_S
MODE = "gateway-no-text"


@pytest.fixture
def rng() -> Rng:
    return np.random.default_rng(19)


def crowd(rng: Rng) -> list[Account]:
    """People with a home and a phone; some travel, some share a provider's network."""
    found = []
    for i, person in enumerate(people(rng, 150)):
        home = f"provider-{rng.integers(60)}"
        away = [f"hotel-{i}-{j}" for j in range(3)] if i % 10 == 0 else []
        networks = (home, "mobile-operator", *away)
        places = tuple(f"{network}/{i}" for network in networks)
        found.append(replace(person, addresses=places, networks=networks))
    return found


def behind(rng: Rng, name: str, networks: list[str], **traits: object) -> Account:
    """Return an account that leaves by these networks, from an address of its own in each."""
    where = tuple(f"{network}/{rng.integers(250)}" for network in networks)
    return aged(rng, name, addresses=where, networks=tuple(networks), **traits)


def some(rng: Rng, names: list[str], count: int) -> list[str]:
    return [names[i] for i in rng.choice(len(names), count, replace=False)]


# -- a campaign -----------------------------------------------------------------------------------


def hydra(rng: Rng, count: int = 160) -> list[Account]:
    """Every account has some exits of a residential pool, others each time."""
    pool = [f"home-network-{i}" for i in range(2 * count)]
    start = BEGINS_S + rng.uniform(0, 2 * HOUR_S, count)
    return [
        behind(rng, f"hydra-{i}", some(rng, pool, 8), start_s=float(start[i]),
               per_day=float(22 * rng.lognormal(0, 0.3)))
        for i in range(count)
    ]  # fmt: skip


def test_a_campaign_behind_a_pool_of_homes_is_found_by_these_alone(rng: Rng) -> None:
    members = hydra(rng)
    alert = campaign_of(run(in_mode([*crowd(rng), *members], MODE), hours=46))
    found = {*(alert.account_ids or ())}
    names = {account.name for account in members}
    assert found <= names
    assert len(found) >= 0.8 * len(names)
    assert "common_networks" in {evidence.feature for evidence in alert.evidence}


# -- twins ----------------------------------------------------------------------------------------


def staggered(rng: Rng) -> dict[str, object]:
    """Traits of people at their own pace and hours, a fifth of whom come during the two days."""
    first = int(rng.integers(24))
    comes_s = float(rng.uniform(0, 48 * HOUR_S)) if rng.random() < 0.2 else 0.0
    return {
        "start_s": START_S + comes_s,
        "per_day": float(20 * rng.lognormal(0, 1.0)),
        "hours": (first, (first + 14) % 24),
    }


def vpn(rng: Rng) -> list[Account]:
    """Customers of a VPN company with exits in 40 networks, some of them each, and a home."""
    exits = [f"vpn-exit-{i}" for i in range(40)]
    return [
        behind(rng, f"twin-{i}", [f"home-{i}", *some(rng, exits, int(rng.integers(3, 13)))],
               **staggered(rng))
        for i in range(60)
    ]  # fmt: skip


def peers(rng: Rng) -> list[Account]:
    """Users of a free VPN who leave through each other's homes."""
    homes = [f"peer-home-{i}" for i in range(80)]
    return [
        behind(rng, f"twin-{i}", [homes[i], *some(rng, homes, 8)], **staggered(rng))
        for i in range(80)
    ]


def relay_customers(rng: Rng) -> list[Account]:
    """Phones whose maker relays their traffic: any of its exits, of several companies."""
    exits = [f"relay-exit-{i}" for i in range(60)]
    return [behind(rng, f"twin-{i}", some(rng, exits, 20), **staggered(rng)) for i in range(60)]


def runners(rng: Rng) -> list[Account]:
    """Pipelines of unrelated companies on one cloud: day and night, very unequal amounts."""
    cloud = [f"runner-{i}" for i in range(60)]
    return [
        behind(rng, f"twin-{i}", some(rng, cloud, int(rng.integers(5, 40))),
               start_s=START_S + float(rng.uniform(0, 24 * HOUR_S)),
               per_day=float(60 * rng.lognormal(0, 1.4)))
        for i in range(30)
    ]  # fmt: skip


def new_customers(rng: Rng) -> list[Account]:
    """A product comes with a VPN, so that all of its customers are new to the log at once."""
    exits = [f"vpn-exit-{i}" for i in range(40)]
    return [
        behind(rng, f"twin-{i}", [f"home-{i}", *some(rng, exits, int(rng.integers(3, 13)))],
               **staggered(rng) | {"start_s": BEGINS_S + float(rng.exponential(6 * HOUR_S))})
        for i in range(80)
    ]  # fmt: skip


def campus(rng: Rng) -> list[Account]:
    """A lecture begins: students of one campus with six networks, each at home by night."""
    networks = [f"campus-{i}" for i in range(6)]
    return [
        behind(rng, f"twin-{i}", [*networks, f"home-{i}"], hours=(8, 23),
               start_s=BEGINS_S + float(rng.uniform(0, 2 * HOUR_S)),
               per_day=float(12 * rng.lognormal(0, 0.7)))
        for i in range(120)
    ]  # fmt: skip


@pytest.mark.parametrize("twin", [vpn, peers, relay_customers, runners, new_customers])
def test_who_shares_exits_for_another_reason_is_scored_and_silent(rng: Rng, twin) -> None:
    accounts = in_mode([*crowd(rng), *twin(rng)], MODE)
    assert_scored_and_silent(accounts, hours=54, twin="twin-")


def company(rng: Rng) -> list[Account]:
    """Staff of one company with five exits, in one organization; all new at once."""
    exits = [f"company-exit-{i}" for i in range(5)]
    return [
        replace(behind(rng, f"twin-{i}", exits, start_s=BEGINS_S), organization="company")
        for i in range(60)
    ]


def phones(rng: Rng) -> list[Account]:
    """Customers of one mobile operator, of whose networks each sees three, and a home."""
    gates = [f"operator-{i}" for i in range(4)]
    return [
        behind(rng, f"twin-{i}", [f"home-{i}", *some(rng, gates, 3)], start_s=BEGINS_S)
        for i in range(60)
    ]


@pytest.mark.parametrize("twin", [company, phones, campus])
def test_who_shares_few_networks_is_not_even_a_candidate(rng: Rng, twin) -> None:
    assert_no_candidate(in_mode([*crowd(rng), *twin(rng)], MODE), hours=40, twin="twin-")
