"""What gateways log suffices: campaigns are found, and each twin is considered and stays silent.

No payments, no dates of creation, no TLS fingerprints; an organization where there is one. The log
is known for 30 hours before anything begins, so who has not been seen before counts as new.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

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
from testlib.traffic.logged import in_mode
from testlib.traffic.stories import (
    company,
    disguised,
    evasive_hydra,
    hydra,
    items,
    pool,
    tool_users,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Story = Callable[[np.random.Generator], list[Account]]

BEGINS_S = START_S + 30 * HOUR_S
OPEN_SCORE = 0.8


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def later(accounts: list[Account]) -> list[Account]:
    """Return the accounts as beginning when the log is known."""
    for account in accounts:
        account.start_s += max(BEGINS_S - START_S - 10 * HOUR_S, 0)
    return accounts


# -- one office, whatever is logged of it -------------------------------------------------------


COMBINATIONS = [
    *((*known, 2) for known in product([True, False], repeat=3)),
    *((False, False, created, egress) for created in (True, False) for egress in (1, 4)),
]


@pytest.mark.parametrize(("payment", "organization", "created", "egress"), COMBINATIONS)
def test_an_office_is_silent_whatever_fields_are_absent(
    rng: np.random.Generator, *, payment: bool,
    organization: bool, created: bool, egress: int,
) -> None:  # fmt: skip
    staff = [
        replace(
            account,
            payment=account.payment if payment else "",
            organization="org" if organization else "",
            created_at=account.created_at if created else float("nan"),
            addresses=tuple(f"egress-{i}" for i in range(egress)),
            client="",
            per_day=30.0,  # all alike, as interns with one task
        )
        for account in company(rng, 40, young=1.0)
    ]
    assert_scored_and_silent([*people(rng, 80), *staff], hours=16, twin="staff-")


def test_an_office_of_two_addresses_is_one_owner_and_two_offices_are_two(
    rng: np.random.Generator,
) -> None:
    names = ("north-", "south-", "east-", "west-")
    offices = [
        replace(account, name=f"{name}{account.name}", payment="", client="", organization="",
                addresses=(f"{name}1", f"{name}2"))
        for name in names
        for account in company(rng, 20)
    ]  # fmt: skip
    assert_scored_and_silent([*people(rng, 80), *offices], hours=16, twin=names)


# -- groups that begin together -----------------------------------------------------------------


def lecture(rng: np.random.Generator, pupils: int, exercises: int) -> list[Account]:
    asks = items(exercises, "homework")
    return later([disguised(rng, f"pupil-{i}", per_day=12, asks=asks) for i in range(pupils)])


def teams(rng: np.random.Generator) -> list[Account]:
    asks = items(300, "question")
    return later([
        replace(
            disguised(rng, f"team-{i}", per_day=2000, asks=asks),
            says=lambda r: ("", f"frame-{r.integers(4)}"),
        )
        for i in range(9)
    ])  # fmt: skip


def launched_tool(rng: np.random.Generator) -> list[Account]:
    return later(tool_users(rng, 150, start_s=START_S + 10 * HOUR_S, young=0.6))


def workshop(rng: np.random.Generator) -> list[Account]:
    return later([
        Account(
            name=f"student-{i}",
            per_day=float(rng.lognormal(4, 0.8)),
            says=fixed("the starter kit's prompt", "the starter kit's opening"),
            created_at=START_S,
            addresses=("room-1", "room-2"),
            start_s=START_S + 10 * HOUR_S + float(rng.uniform(0, 1800)),
        )
        for i in range(40)
    ])  # fmt: skip


class Scheduled(Account):
    """Polls at fixed times, as a plug-in of somebody's does in all of its customers' accounts."""

    def requests(self, rng: np.random.Generator, time: float) -> int:
        del rng
        return 0 if time < self.start_s else 1


def plugin(rng: np.random.Generator) -> list[Account]:
    return [
        Scheduled(
            name=f"customer-{i}",
            per_day=144,
            says=fixed("the plug-in's prompt", "the plug-in's opening"),
            created_at=START_S - float(rng.uniform(30, 400)) * DAY_S,
            addresses=(f"server-{i}",),
            asks=lambda _: ("the plug-in's words-a", "the plug-in's words-b"),
        )
        for i in range(28)
    ]


#: Name -> how the names of its accounts begin, and the accounts.
TWINS: dict[str, tuple[str, Story]] = {
    "a lecture with homework": ("pupil-", lambda rng: lecture(rng, 120, 30)),
    "teams that put one public test": ("team-", teams),
    "a tool after its launch": ("tool-", launched_tool),
    "a workshop behind two addresses": ("student-", workshop),
    "a plug-in that polls on schedule": ("customer-", plugin),
}
in_gateway_modes = pytest.mark.parametrize("mode", ["gateway", "gateway-directory"])


@in_gateway_modes
@pytest.mark.parametrize("name", TWINS)
def test_groups_that_begin_or_act_alike_for_a_reason_are_silent(
    rng: np.random.Generator, name: str, mode: str
) -> None:
    twin, story = TWINS[name]
    accounts = in_mode([*people(rng, 80), *story(rng)], mode)
    assert_scored_and_silent(accounts, hours=50, twin=twin)


@in_gateway_modes
def test_a_class_with_homework_is_not_even_a_candidate(rng: np.random.Generator, mode: str) -> None:
    accounts = in_mode([*people(rng, 80), *lecture(rng, 24, 30)], mode)
    assert_no_candidate(accounts, hours=50, twin="pupil-")


# -- campaigns ----------------------------------------------------------------------------------

CAMPAIGNS: dict[str, tuple[Story, float]] = {
    "pool": (lambda rng: later(pool(rng, 60)), 1.5),
    "hydra": (lambda rng: later(hydra(rng, 200)), 12.0),
    "evasive hydra": (lambda rng: later(evasive_hydra(rng, 200)), 10.0),
}


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_campaigns_are_found_by_what_gateways_log(rng: np.random.Generator, name: str) -> None:
    story, hours = CAMPAIGNS[name]
    campaign = story(rng)
    members = {account.name for account in campaign}
    accounts = in_mode([*people(rng, 150), *campaign], "gateway")
    alerts = run(accounts, hours=30 + hours)
    found = {*(campaign_of(alerts).account_ids or ())}
    assert len(found & members) >= 0.75 * len(members)
    assert found <= members


def test_a_campaign_in_one_organization_each_is_found(rng: np.random.Generator) -> None:
    campaign = [replace(one, organization=f"org-{one.name}") for one in later(hydra(rng, 200))]
    alerts = run(in_mode([*people(rng, 150), *campaign], "gateway"), hours=38)
    assert len(campaign_of(alerts).account_ids or ()) >= 150
