"""Groups that were once taken for campaigns, by their numbers, and what those must not hide."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stream.campaigns.features import ClusterFeatures, Together
from stream.campaigns.judge import judge

TOLD_FROM = 0.5

GROUP = ClusterFeatures(
    members=20,
    owners=20,
    young=np.zeros(20),
    population_young=0.056,
    arrived=np.zeros(20),
    population_arrived=0.2,
    evenness=0.0,
    variety=4.0,
    cards=0,
    population_cards=0.02,
    dispersion=float("nan"),
    start_share=0.2,
    idle_free=0.0,
    partners=0.0,
    intimates=0.0,
    neighbours=0.0,
    acquaintances=0.0,
    strangers=0.0,
    accompanied=0.0,
    usually_accompanied=0.0,
    asked_only=False,
    paid_only=False,
    placed_only=False,
    said_only=False,
    began=Together(),
    turned=Together(),
)

#: Fifteen phones behind one carrier, half of them new customers.
PHONES = replace(
    GROUP,
    members=15,
    owners=15,
    young=np.array([1.0] * 6 + [0.5] * 1 + [0.0] * 8),
    neighbours=8.5,
    placed_only=True,
)
#: Eight teams that put one public test to a new model, each prompt in the test's own frame.
TEAMS = replace(
    GROUP,
    members=8,
    owners=8,
    young=np.zeros(8),
    dispersion=0.06,
    idle_free=0.5,
    partners=7.0,
    intimates=7.0,
    acquaintances=7.0,
    said_only=True,
)

#: Five hundred accounts that are dealt one list of items.
DEALT = replace(
    GROUP,
    members=500,
    owners=500,
    young=np.zeros(500),
    said_only=True,
    acquaintances=16.0,
    strangers=12.0,
)


def test_a_carrier_makes_its_customers_neighbours() -> None:
    assert judge(PHONES).score < TOLD_FROM
    assert "neighbours" not in {evidence.feature for evidence in judge(PHONES).evidence}


def test_neighbours_that_say_the_same_are_told() -> None:
    found = judge(replace(PHONES, placed_only=False, partners=8.5))
    assert found.score > TOLD_FROM
    assert {"neighbours", "partners"} <= {evidence.feature for evidence in found.evidence}


def test_companions_come_in_pairs() -> None:
    phones = replace(PHONES, young=np.zeros(15), accompanied=4 / 14, usually_accompanied=0.03)
    told = {e.feature: e.contribution for e in judge(replace(phones, dispersion=0.37)).evidence}
    assert judge(replace(phones, dispersion=0.37)).score < TOLD_FROM
    assert "companions" in told


def test_the_words_of_one_test_count_once() -> None:
    assert judge(TEAMS).score < TOLD_FROM
    words = {"partners", "intimates", "acquaintances"}
    assert len(words & {evidence.feature for evidence in judge(TEAMS).evidence}) == 1


def test_twenty_that_never_sleep_and_share_as_much_are_told() -> None:
    twenty = replace(TEAMS, members=20, owners=20, young=np.zeros(20), partners=19.0, idle_free=0.8)
    assert judge(twenty).score > TOLD_FROM


def test_few_strangers_speak_as_loud_as_many_acquaintances() -> None:
    chosen = judge(replace(DEALT, strangers=2.0))
    assert judge(DEALT).score > TOLD_FROM > chosen.score


def test_what_is_usual_here_is_held_against_a_group_less() -> None:
    twenty = replace(TEAMS, members=20, owners=20, dispersion=0.25, idle_free=0.4)
    usual, unknown, unlike = (
        judge(twenty, unusual=decades) for decades in (0.1, float("nan"), 3.0)
    )
    assert usual.score < unknown.score < unlike.score
    assert "unusual_group" in {evidence.feature for evidence in unlike.evidence}


def test_being_unusual_alone_tells_nobody() -> None:
    assert judge(GROUP, unusual=3.0).score < TOLD_FROM
    # Nor is it a second family beside one.
    young = replace(GROUP, young=np.ones(20))
    assert judge(young, unusual=3.0).score < TOLD_FROM


def test_ten_times_the_budget_asks_for_a_tenth_of_the_odds() -> None:
    strict, usual, lenient = (judge(DEALT, budget=budget).score for budget in (0.01, 0.1, 1.0))
    odds = [score / (1 - score) for score in (strict, usual, lenient)]
    assert odds[1] / odds[0] == pytest.approx(10)
    assert odds[2] / odds[1] == pytest.approx(10)


def claims(group: ClusterFeatures) -> set[str]:
    return {evidence.feature for evidence in judge(group).evidence}


def test_fewer_companions_than_by_chance_are_no_evidence() -> None:
    assert "companions" not in claims(replace(DEALT, accompanied=0.12, usually_accompanied=0.55))
    assert "companions" in claims(replace(DEALT, accompanied=0.3, usually_accompanied=0.02))


#: Sixty-four accounts that are dealt twenty questions each of one list.
CRAM = replace(
    GROUP, members=64, owners=64, young=np.zeros(0), arrived=np.zeros(0), asked_only=True,
    said_only=True, acquaintances=63.0,
)  # fmt: skip


def test_requests_dealt_more_evenly_than_chance_are_evidence() -> None:
    equal = judge(replace(CRAM, dispersion=0.0, evenness=130.0))
    by_chance = judge(replace(CRAM, dispersion=0.0, evenness=4.0))
    assert equal.score > 0.8 > by_chance.score
    assert "more evenly than chance" in str(equal.evidence)


def test_a_short_list_for_many_is_homework() -> None:
    even = replace(CRAM, dispersion=0.0, evenness=130.0)
    assert judge(replace(even, variety=0.5)).score < TOLD_FROM
    arrived = replace(CRAM, dispersion=0.0, arrived=np.ones(64), variety=0.5)
    assert judge(arrived).score < TOLD_FROM


@pytest.mark.parametrize(("owners", "told"), [(9, False), (24, False), (64, True)])
def test_a_crowd_that_arrived_together_speaks_and_a_team_does_not(
    owners: int, *, told: bool
) -> None:
    group = replace(
        GROUP, members=owners, owners=owners, young=np.zeros(0), arrived=np.ones(owners),
        said_only=True, partners=8.0, dispersion=0.2, start_share=0.9,
    )  # fmt: skip
    assert (judge(group).score > TOLD_FROM) == told


def test_arriving_is_not_counted_beside_being_young() -> None:
    young = replace(GROUP, members=64, owners=64, young=np.ones(64), arrived=np.ones(64))
    assert len(claims(young) & {"young_accounts", "first_seen_lately"}) == 1
