"""What hides better: light relays, a few tireless accounts, pools without any text; their twins."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from testlib.scored import assert_no_candidate, assert_scored_and_silent
from testlib.traffic.link_traffic import (
    DAY_S,
    HOUR_S,
    START_S,
    Account,
    campaign_of,
    fixed,
    people,
    run,
)
from testlib.traffic.logged import in_mode, in_modes
from testlib.traffic.stories import RELEASE_S, Rng, aged


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


# -- sessions dealt over accounts behind one pool of addresses ------------------------------------

POOL = tuple(f"exit-{i}" for i in range(30))


def relay(rng: Rng, count: int) -> list[Account]:
    """People's sessions of six turns, each turn through another account."""

    def asks(r: Rng) -> tuple[str, ...]:
        session = r.integers(count * 4)
        return tuple(f"file-{session}-{line}" for line in r.integers(0, 3, 2))

    return [
        aged(rng, f"relay-{i}", per_day=float(7 * rng.lognormal(0, 0.3)), asks=asks, addresses=POOL)
        for i in range(count)
    ]


def tool_text(r: Rng) -> tuple[str, ...]:
    """One request in ten is one of the many texts of a popular tool."""
    return (f"tool-text-{r.integers(3000)}",) if r.random() < 0.1 else ()


def vpn(rng: Rng, count: int) -> list[Account]:
    """Customers of one VPN who come and go, and use a tool that others use as well."""
    return [
        aged(
            rng, f"vpn-{i}", per_day=float(20 * rng.lognormal(0, 1.0)), addresses=POOL,
            hours=((first := int(rng.integers(24))), (first + 12) % 24),
            start_s=START_S + float(rng.uniform(0, 30 * HOUR_S)), asks=tool_text,
        )
        for i in range(count)
    ]  # fmt: skip


@in_modes
def test_sessions_dealt_over_accounts_behind_common_addresses_are_found(
    rng: Rng, mode: str
) -> None:
    alert = campaign_of(run(in_mode([*people(rng, 100), *relay(rng, 80)], mode), hours=40))
    assert {name.partition("-")[0] for name in alert.account_ids or ()} == {"relay"}
    assert len(alert.account_ids or ()) >= 60
    assert "colocation" in {evidence.feature for evidence in alert.evidence}


@in_modes
def test_customers_of_a_vpn_who_use_a_popular_tool_are_silent(rng: Rng, mode: str) -> None:
    others = [replace(person, asks=tool_text) for person in people(rng, 100)]
    assert_scored_and_silent(in_mode([*others, *vpn(rng, 60)], mode), hours=40, twin="vpn-")


# -- a few accounts that never sleep --------------------------------------------------------------


def tireless(rng: Rng, count: int, *, per_day: float = 60, spread: float = 0.1) -> list[Account]:
    """One set of frames and items, nothing else in common; day and night."""

    def asks(r: Rng) -> tuple[str, ...]:
        item = r.integers(300)
        return f"item-{item}-a", f"item-{item}-b"

    return [
        aged(
            rng, f"slow-{i}", asks=asks, per_day=float(per_day * rng.lognormal(0, spread)),
            says=lambda r: ("", f"frame-{r.integers(36)}"),
        )
        for i in range(count)
    ]  # fmt: skip


@in_modes
def test_a_few_accounts_that_never_sleep_and_ask_the_same_are_found(rng: Rng, mode: str) -> None:
    alert = campaign_of(run(in_mode([*people(rng, 100), *tireless(rng, 20)], mode), hours=36))
    assert set(alert.account_ids or ()) == {f"slow-{i}" for i in range(20)}
    assert {"prompt_cooccurrence", "no_idle_hours"} <= {
        evidence.feature for evidence in alert.evidence
    }


def test_teams_that_put_one_public_test_to_the_model_are_silent(rng: Rng) -> None:
    # Frames and items in common as above; but each in its own measure, and most of them by night.
    teams = [
        replace(
            team,
            name=f"team-{i}",
            start_s=START_S,
            hours=(0, 24) if i % 4 == 0 else (i % 24, (i + 3) % 24),
        )
        for i, team in enumerate(tireless(rng, 20, per_day=300, spread=1.0))
    ]
    assert_scored_and_silent([*people(rng, 100), *teams], hours=36, twin="team-")


# -- payments that begin together, and nothing said -----------------------------------------------


def cards(rng: Rng, count: int, *, begins: list[float], spread: float = 0.3) -> list[Account]:
    """Accounts, hours old when they begin, five on each payment that begins at a given time."""
    return [
        aged(
            rng, f"new-{i}", says=fixed(""), payment=f"new-card-{i // 5}",
            per_day=float(300 * rng.lognormal(0, spread)),
            start_s=(start_s := begins[i // 5]) + float(rng.exponential(1200)),
            created_at=start_s - float(rng.uniform(0.1, 9)) * DAY_S,
        )
        for i in range(count)
    ]  # fmt: skip


def silent(accounts: list[Account]) -> list[Account]:
    return [replace(account, says=fixed("")) for account in accounts]


def test_a_pool_is_found_without_text_by_when_its_payments_began(rng: Rng) -> None:
    begins = [RELEASE_S + float(rng.exponential(1200)) for _ in range(12)]
    alert = campaign_of(run([*silent(people(rng, 150)), *cards(rng, 60, begins=begins)], hours=20))
    assert set(alert.account_ids or ()) == {f"new-{i}" for i in range(60)}
    assert "start_burst" in {evidence.feature for evidence in alert.evidence}
    assert alert.observed.requests > 60 * 10


def test_teams_that_sign_up_over_the_days_are_silent(rng: Rng) -> None:
    begins = [START_S + float(hour) * HOUR_S for hour in rng.uniform(0, 36, 18)]
    teams = cards(rng, 90, begins=begins, spread=1.0)
    assert_scored_and_silent([*silent(people(rng, 150)), *teams], hours=36, twin="new-")


def test_a_morning_on_which_three_teams_sign_up_is_silent(rng: Rng) -> None:
    begins = [RELEASE_S + float(rng.uniform(0, 2 * HOUR_S)) for _ in range(3)]
    assert_scored_and_silent(
        [*silent(people(rng, 150)), *cards(rng, 15, begins=begins)], hours=20, twin="new-"
    )


# -- standing accounts whose answers grow on one day, and nothing said ----------------------------

TURN_S = START_S + 52 * HOUR_S


def products(rng: Rng, count: int, **traits: object) -> list[Account]:
    """Products of as many owners, for months, about as busy and through the day and night."""
    return [
        aged(
            rng, f"product-{i}", says=fixed(""), per_day=float(200 * rng.lognormal(0, 0.3)),
            start_s=START_S, **traits,
        )
        for i in range(count)
    ]  # fmt: skip


def turning(rng: Rng, accounts: list[Account], *, within_h: float, lasts_h: float) -> list[Account]:
    begins = [TURN_S + float(rng.uniform(0, within_h)) * HOUR_S for _ in accounts]
    return [
        replace(account, turned=(begin, begin + lasts_h * HOUR_S))
        for account, begin in zip(accounts, begins, strict=True)
    ]


def test_products_whose_answers_grow_within_a_day_are_found_without_text(rng: Rng) -> None:
    turned = turning(rng, products(rng, 30), within_h=14, lasts_h=1000)
    alert = campaign_of(run([*silent(people(rng, 40)), *turned], hours=76))
    assert len(alert.account_ids or ()) >= 27
    assert {name.partition("-")[0] for name in alert.account_ids or ()} == {"product"}
    found = {evidence.feature: evidence for evidence in alert.evidence}
    assert {"shared_change_point", "no_idle_hours"} <= found.keys()
    assert found["shared_change_point"].value >= 20
    assert (found["shared_change_point"].baseline or 0) < 5
    assert alert.observed.requests > 30 * 100


def test_what_stands_in_for_another_provider_for_hours_is_not_even_a_candidate(rng: Rng) -> None:
    outage = turning(rng, products(rng, 30), within_h=0.3, lasts_h=4)
    assert_no_candidate([*silent(people(rng, 40)), *outage], hours=72, twin="product-")


def test_products_that_change_one_by_one_are_not_even_a_candidate(rng: Rng) -> None:
    some = turning(rng, products(rng, 12), within_h=60, lasts_h=1000)
    assert_no_candidate([*silent(people(rng, 40)), *some], hours=115, twin="product-")


def test_one_company_whose_products_all_change_is_silent(rng: Rng) -> None:
    own = turning(rng, products(rng, 30, payment="card-of-all"), within_h=14, lasts_h=1000)
    assert_scored_and_silent([*silent(people(rng, 40)), *own], hours=76, twin="product-")


def test_a_model_that_gives_everybody_longer_answers_is_silent(rng: Rng) -> None:
    everybody = [
        replace(one, turned=(TURN_S + float(rng.uniform(0, 14)) * HOUR_S, math.inf))
        for one in [*silent(people(rng, 40)), *products(rng, 30)]
    ]
    assert_scored_and_silent(everybody, hours=76, twin="product-")
