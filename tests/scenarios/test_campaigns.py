"""Campaigns of published shapes are found with their members; their benign twins stay silent."""

from __future__ import annotations

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
from testlib.traffic.stories import (
    RELEASE_S,
    Rng,
    company,
    disguised,
    evasive_hydra,
    hydra,
    items,
    pool,
    tool_users,
)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.mark.parametrize("cards", [True, False])
def test_a_pool_is_found_early_with_all_its_members_and_nobody_else(
    rng: Rng, *, cards: bool
) -> None:
    bystander = Account(
        name="curious",
        per_day=60,
        says=lambda r: ("the injected prompt" if r.random() < 0.03 else "mine", ""),
        created_at=START_S - 400 * DAY_S,
        payment="curious",
        addresses=("proxy-0-1",),
    )
    accounts = [*people(rng, 150), bystander, *pool(rng, 60, cards=cards)]
    alerts = run(accounts, hours=20)
    alert = campaign_of(alerts)
    assert set(alert.account_ids or ()) == {f"pool-{i}" for i in range(60)}
    assert alerts[0].detected_at < "2026-03-02T12:00:00Z"
    assert alert.started_at >= "2026-03-02T10:00:00Z"


def test_a_hydra_is_found_with_nearly_all_its_members(rng: Rng) -> None:
    accounts = [*people(rng, 200), *hydra(rng, 200)]
    alert = campaign_of(run(accounts, hours=34))
    hydras = {f"hydra-{i}" for i in range(200)}
    found = set(alert.account_ids or ())
    assert len(found & hydras) >= 190
    assert len(found - hydras) <= 2


@in_modes
def test_accounts_that_share_nothing_but_what_they_ask_are_found(rng: Rng, mode: str) -> None:
    alerts = run(in_mode([*people(rng, 300), *evasive_hydra(rng, 200)], mode), hours=40)
    alert = campaign_of(alerts)
    assert {name.partition("-")[0] for name in (alert.account_ids or ())} == {"evasive"}
    assert len(alert.account_ids or ()) >= 150
    assert alert.evidence[0].feature == "phrase_cooccurrence"
    assert "share rare phrases" in alert.summary


def test_benchmarks_on_the_day_of_a_release_are_silent(rng: Rng) -> None:
    asks = items(500, "question")
    teams = [disguised(rng, f"team-{i}", per_day=300, asks=asks) for i in range(24)]
    assert_scored_and_silent([*people(rng, 300), *teams], hours=40, twin="team-")


@pytest.mark.parametrize("pupils", [24, 120])
def test_pupils_with_the_same_homework_are_silent(rng: Rng, pupils: int) -> None:
    asks = items(30, "homework")
    school = [disguised(rng, f"pupil-{i}", per_day=12, asks=asks) for i in range(pupils)]
    assert_scored_and_silent([*people(rng, 300), *school], hours=40, twin="pupil-")


def test_pupils_who_paste_their_homework_are_silent(rng: Rng) -> None:
    # Its words open their prompts too, and half of them have much to do.
    asks = items(40, "homework")
    school = [
        replace(
            disguised(
                rng, f"pupil-{i}", per_day=float(25 * rng.lognormal(0, 0.8)), asks=asks
            ),
            says=lambda r: ("", f"homework-opening-{r.integers(40)}"),
            hours=(7, 22),
        )
        for i in range(28)
    ]  # fmt: skip
    assert_scored_and_silent([*people(rng, 150), *school], hours=36, twin="pupil-")


def test_those_who_practise_on_the_problems_of_one_site_are_silent(rng: Rng) -> None:
    # They meet ever other people in ever other problems, as those do that are dealt one list; but
    # some problems are everybody's favourites.
    def asks(r: Rng) -> tuple[str, ...]:
        problem = int(r.zipf(1.1)) % 3000
        return () if r.random() < 0.4 else (f"problem-{problem}-a", f"problem-{problem}-b")

    crowd = [
        replace(
            disguised(rng, f"solver-{i}", per_day=float(15 * rng.lognormal(0, 0.8)), asks=asks),
            start_s=START_S,
            hours=((begins := int(rng.integers(8, 18))), (begins + 8) % 24),
        )
        for i in range(300)
    ]
    assert_scored_and_silent([*people(rng, 200), *crowd], hours=36, twin="solver-")


def test_teams_that_put_one_public_test_in_one_frame_are_silent(rng: Rng) -> None:
    # Its words make their prompts' openings as well as the phrases, and jobs do not sleep.
    asks = items(300, "question")
    teams = [
        replace(
            disguised(rng, f"team-{i}", per_day=2000, asks=asks),
            says=lambda r: ("", f"frame-{r.integers(4)}"),
        )
        for i in range(9)
    ]
    assert_scored_and_silent([*people(rng, 150), *teams], hours=34, twin="team-")


def phones(rng: Rng, *, young: int, busy: float) -> list[Account]:
    """People, twenty of them behind one carrier that gives out any of its addresses each time."""
    crowd = people(rng, 220)
    for i, phone in enumerate(crowd[:20]):
        phone.name = f"phone-{i}"
        phone.addresses = tuple(f"carrier-{j}" for j in range(24))
        phone.created_at = START_S - DAY_S if i < young else phone.created_at
        phone.per_day = busy * float(rng.lognormal(0, 1.0))
    return crowd


@in_modes
@pytest.mark.parametrize("young", [0, 6])
def test_phones_behind_one_carrier_are_silent(rng: Rng, young: int, mode: str) -> None:
    crowd = phones(rng, young=young, busy=40)
    assert_scored_and_silent(in_mode(crowd, mode), hours=34, twin="phone-")


@in_modes
def test_light_new_phones_behind_one_carrier_are_not_even_a_candidate(rng: Rng, mode: str) -> None:
    crowd = phones(rng, young=12, busy=12)
    assert_no_candidate(in_mode(crowd, mode), hours=34, twin="phone-")


def test_users_of_a_tool_with_a_few_texts_of_its_own_are_not_even_a_candidate(rng: Rng) -> None:
    asks = items(4, "text of the tool")
    users = [disguised(rng, f"user-{i}", per_day=15, asks=asks) for i in range(70)]
    assert_no_candidate([*people(rng, 300), *users], hours=40, twin="user-")


def test_two_pools_are_two_incidents(rng: Rng) -> None:
    other = pool(rng, 30, start_s=RELEASE_S + 2 * HOUR_S)
    for i, account in enumerate(other):
        account.name, account.payment = f"second-{i}", f"second-card-{i // 6}"
        account.addresses = (f"second-home-{i}",)
        account.says = fixed("another prompt")
    alerts = run([*people(rng, 150), *pool(rng, 30), *other], hours=18)
    assert len({alert.alert_id for alert in alerts}) == 2


def test_a_young_account_alone_is_not_even_a_candidate(rng: Rng) -> None:
    assert_no_candidate([*people(rng, 150), *pool(rng, 1)], hours=18, twin="pool-")


def test_a_popular_tool_is_silent(rng: Rng) -> None:
    assert_scored_and_silent([*people(rng, 150), *tool_users(rng, 150)], hours=26, twin="tool-")


def test_a_tool_after_its_release_is_silent(rng: Rng) -> None:
    accounts = [*people(rng, 150), *tool_users(rng, 150, start_s=RELEASE_S)]
    assert_scored_and_silent(accounts, hours=26, twin="tool-")


def test_a_new_tool_that_newcomers_sign_up_for_is_silent(rng: Rng) -> None:
    accounts = [*people(rng, 150), *tool_users(rng, 100, start_s=RELEASE_S, young=0.6)]
    assert_scored_and_silent(accounts, hours=26, twin="tool-")


@in_modes
def test_a_company_behind_one_address_is_silent(rng: Rng, mode: str) -> None:
    assert_scored_and_silent(
        in_mode([*people(rng, 150), *company(rng, 80)], mode), hours=26, twin="staff-"
    )


def test_a_company_without_payment_ids_is_silent(rng: Rng) -> None:
    staff = company(rng, 80)
    for account in staff:
        account.payment = ""
    assert_scored_and_silent([*people(rng, 150), *staff], hours=26, twin="staff-")


@in_modes
def test_companies_that_use_one_tool_are_silent(rng: Rng, mode: str) -> None:
    firms = []
    for firm in range(5):
        for account in company(rng, 15):
            account.name = f"firm-{firm}-{account.name}"
            account.payment, account.addresses = f"firm-{firm}", (f"firm-egress-{firm}",)
            account.says = fixed("the tool's prompt", "the tool's opening")
            firms.append(account)
    accounts = [*people(rng, 100), *tool_users(rng, 60), *firms]
    assert_scored_and_silent(in_mode(accounts, mode), hours=26, twin="firm-")


@in_modes
def test_a_workshop_of_newcomers_in_one_room_is_silent(rng: Rng, mode: str) -> None:
    room = [
        Account(
            name=f"student-{i}",
            per_day=float(rng.lognormal(4, 0.8)),
            says=fixed("the starter kit's prompt"),
            created_at=RELEASE_S - HOUR_S,
            payment=f"student-card-{i}",
            addresses=("the room",),
            start_s=RELEASE_S + float(rng.uniform(0, 1800)),
        )
        for i in range(40)
    ]
    assert_scored_and_silent(in_mode([*people(rng, 150), *room], mode), hours=16, twin="student-")


def test_ci_runners_and_a_migrated_key_are_silent(rng: Rng) -> None:
    runners = [
        Account(
            name=f"ci-{i}",
            per_day=1500,
            says=fixed(f"pipeline-{i}", f"job-{i}"),
            created_at=START_S - 200 * DAY_S,
            payment=f"ci-{i}",
            addresses=tuple(f"runner-{j}" for j in range(60)),
        )
        for i in range(12)
    ]
    moved = [
        Account(
            name=f"key-{i}",
            per_day=3000,
            says=fixed("the product's prompt", "the product's template"),
            created_at=START_S - 300 * DAY_S if i == 0 else RELEASE_S,
            payment="product",
            addresses=("server-1", "server-2"),
            start_s=START_S if i == 0 else RELEASE_S,
        )
        for i in range(2)
    ]
    assert_scored_and_silent([*people(rng, 150), *runners, *moved], hours=26, twin="ci-")
