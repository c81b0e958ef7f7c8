"""Accounts that take over from suspended ones are found; those that begin for a reason are not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from stream.core.links import LinkKind
from stream.core.thresholds import DEFAULT_THRESHOLDS
from testlib.groups import group
from testlib.scored import ScoredGroup, scored_groups
from testlib.traffic.turnover_rows import KNOWN_H, Life, Mix, Stage, handed_over, mix, standing

if TYPE_CHECKING:
    from stream.core.findings import Group

Rng = np.random.Generator
CLEAR = DEFAULT_THRESHOLDS.clear_score


@pytest.fixture
def rng() -> Rng:
    return np.random.default_rng(11)


def reseller(rng: Rng, slots: int, mean: Mix, *, gap_h: tuple[float, float]) -> list[Life]:
    """Accounts of one mix, each suspended some day and replaced."""
    found = []
    for i in range(slots):
        life = Life(f"slot-{i}", mean, per_hour=float(20 * rng.lognormal(0, 0.15)))
        bans = np.sort(rng.uniform(KNOWN_H + 1, 84, 1 + i % 2)).tolist()
        found += handed_over(life, bans, rng.uniform(*gap_h, len(bans)).tolist())
    return found


def played(lives: list[Life], *, until_h: float = 90) -> tuple[Stage, list[ScoredGroup]]:
    stage = Stage()
    with scored_groups() as groups:
        stage.play(lives, until_h=until_h)
    return stage, groups


def highest(groups: list[ScoredGroup], twin: str) -> ScoredGroup:
    """Return the group of a twin that scored highest; it has to have been considered."""
    own = [
        group
        for group in groups
        if 2 * sum(name.startswith(twin) for name in group.members) > len(group.members)
    ]
    assert own, f"no group of {twin} was considered: its silence proves nothing"
    return max(own, key=lambda group: group.score)


def test_replaced_accounts_of_one_mix_are_found_with_those_that_they_replaced(rng: Rng) -> None:
    lives = reseller(rng, 24, mix(rng, 0.4), gap_h=(0.2, 0.9))
    stage, _ = played([*standing(rng, 400), *lives])
    campaign = stage.alerts[-1]
    assert (campaign.kind, campaign.status) == ("campaign", "firing")
    assert campaign.evidence[0].feature == "succession"
    names = {*(campaign.account_ids or ())}
    assert len(names & {life.name for life in lives}) >= 0.8 * len(lives)
    seen = campaign.observed  # what successors did, and others since they fell silent
    assert 0 < seen.requests < sum(20 * 1.5 * 60 for _ in lives)
    assert seen.output_tokens == 400 * seen.requests
    assert len(names - {life.name for life in lives}) <= 0.05 * len(names)


def test_who_takes_over_from_confirmed_accounts_is_found_at_once(rng: Rng) -> None:
    # Each with customers of its own, suspended at once: nothing but the moment is the same.
    banned = [Life(f"slot-{i}", mix(rng), ends_h=50 + i / 120) for i in range(16)]
    heirs = [
        replace(life, name=f"heir-{i}", begins_h=50.3 + float(rng.uniform(0, 0.4)), ends_h=None)
        for i, life in enumerate(banned)
    ]
    stage = Stage()
    stage.play([*standing(rng, 300), *banned, *heirs], until_h=50)
    stage.flow._detector.note_confirmed([life.name for life in banned], until=2e9)
    stage.play([*standing(rng, 300), *banned, *heirs], since_h=50, until_h=56)
    campaign = stage.alerts[-1]
    assert campaign.evidence[0].feature == "succession_of_confirmed"
    assert {life.name for life in heirs} <= {*(campaign.account_ids or ())}


def test_the_same_without_a_verdict_is_no_more_than_suspicious(rng: Rng) -> None:
    # A company may move to other keys after an interruption: it does so once.
    old = [Life(f"key-{i}", mix(rng), ends_h=50 + i / 120) for i in range(16)]
    new = [replace(life, name=f"key-new-{i}", begins_h=50.7, ends_h=None)
           for i, life in enumerate(old)]  # fmt: skip
    stage, groups = played([*standing(rng, 300), *old, *new], until_h=70)
    assert stage.alerts == []
    found = highest(groups, "key-")
    assert "succession" in found.evidence
    assert found.score < CLEAR


def test_a_company_that_moves_to_other_keys_is_silent(rng: Rng) -> None:
    moved = [
        key
        for i in range(20)
        for key in handed_over(
            Life(f"key-{i}", mix(rng), per_hour=float(20 * rng.lognormal(0, 0.8))),
            [50 + i / 200],
            [0.02],
        )
    ]
    stage, groups = played([*standing(rng, 300), *moved], until_h=80)
    assert stage.alerts == []
    assert highest(groups, "key-").score < CLEAR


def test_keys_that_a_company_rotates_each_day_are_silent(rng: Rng) -> None:
    # At different times, of different services, and none of them is ever missed.
    rotated = [
        key
        for i in range(20)
        for key in handed_over(
            Life(f"key-{i}", mix(rng, 0.4)), [26 + i + 0.3, 50 + i + 0.3], [0.02, 0.02]
        )
    ]
    mean = rotated[0].mix
    alike = [replace(key, mix=mean) for key in rotated]
    stage, groups = played([*standing(rng, 300), *alike])
    assert stage.alerts == []
    assert highest(groups, "key-").score < CLEAR


def considered(groups: list[ScoredGroup], twin: str) -> bool:
    return any(name.startswith(twin) for group in groups for name in group.members)


def test_customers_that_change_a_key_are_no_group(rng: Rng) -> None:
    changed = [
        key
        for i in range(30)
        for key in handed_over(Life(f"key-{i}", mix(rng)), [float(rng.uniform(27, 85))], [0.4])
    ]
    stage, groups = played([*standing(rng, 300), *changed])
    assert stage.alerts == []
    assert max((group.score for group in groups), default=0) < CLEAR


def test_accounts_of_one_organization_do_not_succeed_each_other(rng: Rng) -> None:
    lives = reseller(rng, 24, mix(rng, 0.4), gap_h=(0.2, 0.9))
    stage, groups = played([*standing(rng, 400), *(replace(one, organization=7) for one in lives)])
    assert stage.alerts == []
    assert not considered(groups, "slot-")


def test_an_outage_with_secondary_keys_leaves_nothing_behind(rng: Rng) -> None:
    primary = [Life(f"key-{i}", mix(rng), ends_h=50 + i / 300, returns_h=56.0) for i in range(20)]
    secondary = [
        replace(key, name=f"{key.name}-b", begins_h=50.3, ends_h=56.0, returns_h=None)
        for key in primary
    ]
    stage, groups = played([*standing(rng, 300), *primary, *secondary], until_h=80)
    assert stage.alerts == []
    assert highest(groups, "key-").score < CLEAR


def test_jobs_with_a_key_each_are_no_group(rng: Rng) -> None:
    mean = mix(rng)
    jobs = [
        Life(f"job-{i}", mean, begins_h=KNOWN_H + 1.5 * i, ends_h=KNOWN_H + 1.5 * i + 1,
             per_hour=200)
        for i in range(40)
    ]  # fmt: skip
    stage, groups = played([*standing(rng, 300), *jobs])
    assert stage.alerts == []
    assert not considered(groups, "job-")


def test_a_nightly_fleet_that_ends_while_another_begins_is_silent(rng: Rng) -> None:
    first = [Life(f"fleet-a-{i}", mix(rng, 0.3), begins_h=2, ends_h=50) for i in range(20)]
    second = [Life(f"fleet-b-{i}", first[i].mix, begins_h=50.5) for i in range(20)]
    stage, groups = played([*standing(rng, 300), *first, *second], until_h=80)
    assert stage.alerts == []
    assert highest(groups, "fleet-").score < CLEAR


def test_a_gateway_that_renames_its_accounts_is_silent(rng: Rng) -> None:
    renamed = [
        name
        for life in standing(rng, 200)
        for name in handed_over(replace(life, begins_h=0, ends_h=None), [50.0], [0.3])
    ]
    stage, groups = played(renamed, until_h=80)
    assert stage.alerts == []
    assert highest(groups, "other-").score < CLEAR


def test_users_of_one_product_who_come_and_go_are_silent(rng: Rng) -> None:
    mean = mix(rng)
    users = []
    for i in range(240):
        begins = float(rng.uniform(-60, 80))
        users.append(
            Life(f"user-{i}", mean, begins_h=max(begins, 0), per_hour=20,
                 ends_h=end if (end := begins + float(rng.uniform(8, 80))) < 88 else None)
        )  # fmt: skip
    stage, groups = played([*standing(rng, 150), *users])
    assert stage.alerts == []
    assert highest(groups, "user-").score < CLEAR


def neighbours(rng: Rng) -> list[Group]:
    """Return what a log with addresses has: some accounts share one."""
    return [
        group(LinkKind.ADDRESS, int(value), [f"home-{value}-a", f"home-{value}-b"])
        for value in rng.integers(1, 2**60, 12).tolist()
    ]


def test_one_wave_is_enough_where_the_log_has_addresses(rng: Rng) -> None:
    # A fleet, or the keys of one company, would share theirs.
    mean = mix(rng)
    banned = [Life(f"slot-{i}", mean, ends_h=50 + i / 300) for i in range(30)]
    heirs = [
        replace(life, name=f"slot-new-{i}", begins_h=50.1 + float(rng.uniform(0, 0.4)), ends_h=None)
        for i, life in enumerate(banned)
    ]
    stage = Stage()
    stage.add(neighbours(rng), hour=30)
    stage.play([*standing(rng, 300), *banned, *heirs], until_h=72, since_h=30)
    campaign = stage.alerts[-1]
    assert "succession" in {one.feature for one in campaign.evidence}
    assert {life.name for life in heirs} <= {*(campaign.account_ids or ())}


def test_customers_of_a_vendor_that_renews_their_keys_are_silent(rng: Rng) -> None:
    # All in one hour, each from a home of its own; they are as uneven as customers are.
    renewed = [
        key
        for i in range(40)
        for key in handed_over(
            Life(f"key-{i}", mix(rng), per_hour=float(8 * rng.lognormal(0, 1.0))),
            [50 + i / 60],
            [0.3],
        )
    ]
    stage = Stage()
    stage.add(neighbours(rng), hour=30)
    with scored_groups() as groups:
        stage.play([*standing(rng, 300), *renewed], until_h=80, since_h=30)
    assert stage.alerts == []
    assert highest(groups, "key-").score < DEFAULT_THRESHOLDS.open_score
