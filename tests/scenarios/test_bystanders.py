"""Who only asks what a campaign asks, or is repeated by one, is not accused; quiet members are."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from stream.core.alerts import Alert, degrees_of
from testlib.traffic.bystanders import camouflaged, chatters, repeated
from testlib.traffic.link_traffic import DAY_S, START_S, Account, campaign_of, people, run
from testlib.traffic.logged import in_mode
from testlib.traffic.stories import RELEASE_S, Rng, hydra, pool

HOURS = 34


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def kinds(names: list[str] | None) -> Counter[str]:
    return Counter(name.partition("-")[0] for name in names or ())


def why(alert: Alert, name: str) -> str:
    ids = {"peripheral": alert.peripheral_ids}
    return next(
        group.why
        for group in alert.members
        if name in {ids.get(group.degree, alert.account_ids or [])[i] for i in group.members}
    )


@pytest.mark.parametrize("mode", ["gateway"])
def test_people_whose_prompts_are_camouflage_are_peripheral_at_most(rng: Rng, mode: str) -> None:
    accounts = [*chatters(rng, 300), *camouflaged(rng, 150, victims=300)]
    alert = campaign_of(run(in_mode(accounts, mode), hours=HOURS))
    assert set(kinds(alert.account_ids)) == {"evasive"}
    assert kinds(alert.account_ids)["evasive"] >= 95
    assert kinds(alert.peripheral_ids)["chat"] >= 50  # they were considered
    assert degrees_of(alert).peripheral == len(alert.peripheral_ids)
    assert "only peripheral" in alert.summary


def test_who_is_repeated_by_a_campaign_is_not_accused(rng: Rng) -> None:
    accounts = [*people(rng, 150), *repeated(rng, 120, victims=30)]
    alert = campaign_of(run(in_mode(accounts, "gateway"), hours=HOURS))
    assert set(kinds(alert.account_ids)) == {"evasive"}
    assert kinds(alert.account_ids)["evasive"] >= 95
    repeated_ones = [name for name in alert.peripheral_ids if name.startswith("victim")]
    assert len(repeated_ones) >= 20
    assert all("repeat its requests" in why(alert, name) for name in repeated_ones)


def test_a_company_whose_system_prompt_a_pool_copies_is_not_accused(rng: Rng) -> None:
    staff = [
        Account(
            name=f"staff-{i}",
            per_day=float(rng.lognormal(3, 0.7)),
            says=lambda r: ("the injected prompt", f"library-{r.integers(12)}"),
            created_at=START_S - 300 * DAY_S,
            organization="the company",
            addresses=(f"egress-{i % 2}",),
            hours=(8, 18),
        )
        for i in range(12)
    ]
    accounts = in_mode([*people(rng, 150), *staff, *pool(rng, 40)], "gateway-directory")
    alert = campaign_of(run(accounts, hours=26))
    assert kinds(alert.account_ids) == {"pool": 40}
    assert kinds(alert.peripheral_ids) == {"staff": 12}
    assert "does not act like them" in why(alert, "staff-0")


def test_a_member_that_hardly_asks_is_still_a_member(rng: Rng) -> None:
    accounts = hydra(rng, 120)
    accounts[5] = replace(accounts[5], name="hydra-quiet", per_day=4)
    # This one asks for some hours and never again.
    accounts[9] = replace(accounts[9], name="hydra-gone", per_day=60, start_s=RELEASE_S)
    accounts[9].hours = (10, 14)
    alert = campaign_of(run([*people(rng, 150), *accounts], hours=HOURS))
    assert {"hydra-quiet", "hydra-gone"} <= {*(alert.account_ids or ())}
    assert "owner's other accounts" in why(alert, "hydra-quiet")
