"""Groups by their numbers: benign ones that were once taken for campaigns, and campaigns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from stream.campaigns.scoring.claim import LinkBasis
from stream.campaigns.scoring.score import score
from testlib.clusters import GROUP

if TYPE_CHECKING:
    from stream.campaigns.scoring.features import ClusterFeatures

CANDIDATE = 0.5


#: Fifteen phones behind one carrier, half of them new customers.
PHONES = replace(
    GROUP,
    members=15,
    owners=15,
    young=np.array([1.0] * 6 + [0.5] * 1 + [0.0] * 8),
    address_cooccurrence=8.5,
    addresses_only=True,
)
#: Eight teams that put one public test to a new model, each prompt in the test's own frame.
TEAMS = replace(
    GROUP,
    members=8,
    owners=8,
    young=np.zeros(8),
    dispersion=0.06,
    idle_free=0.5,
    prompt_cooccurrence=7.0,
    phrase_cooccurrence_repeated=7.0,
    phrase_cooccurrence=7.0,
    links=LinkBasis.CONTENT,
)

#: Five hundred accounts that are dealt one list of items.
DEALT = replace(
    GROUP,
    members=500,
    owners=500,
    young=np.zeros(500),
    links=LinkBasis.CONTENT,
    phrase_cooccurrence=16.0,
    weak_ties=12.0,
)


def test_addresses_alone_are_no_co_occurrence() -> None:
    assert score(PHONES).score < CANDIDATE
    assert "address_cooccurrence" not in {evidence.feature for evidence in score(PHONES).evidence}


def test_common_addresses_count_beside_common_prompts() -> None:
    found = score(replace(PHONES, addresses_only=False, prompt_cooccurrence=8.5))
    assert found.score > CANDIDATE
    assert {"address_cooccurrence", "prompt_cooccurrence"} <= {
        evidence.feature for evidence in found.evidence
    }


def test_co_located_accounts_come_in_pairs() -> None:
    phones = replace(
        PHONES, young=np.zeros(15), colocation_rate=4 / 14, expected_colocation_rate=0.03
    )
    raised = {e.feature: e.contribution for e in score(replace(phones, dispersion=0.37)).evidence}
    assert score(replace(phones, dispersion=0.37)).score < CANDIDATE
    assert "colocation" in raised


def test_the_words_of_one_test_count_once() -> None:
    assert score(TEAMS).score < CANDIDATE
    words = {"prompt_cooccurrence", "phrase_cooccurrence_repeated", "phrase_cooccurrence"}
    assert len(words & {evidence.feature for evidence in score(TEAMS).evidence}) == 1


def test_twenty_without_idle_hours_that_share_as_much_are_candidates() -> None:
    twenty = replace(
        TEAMS, members=20, owners=20, young=np.zeros(20), prompt_cooccurrence=19.0, idle_free=0.8
    )
    assert score(twenty).score > CANDIDATE


def test_few_weak_ties_count_as_much_as_many_co_occurrences() -> None:
    chosen = score(replace(DEALT, weak_ties=2.0))
    assert score(DEALT).score > CANDIDATE > chosen.score


def test_a_group_like_earlier_ones_scores_less() -> None:
    twenty = replace(TEAMS, members=20, owners=20, dispersion=0.25, idle_free=0.4)
    usual, unknown, unlike = (
        score(twenty, novelty=decades) for decades in (0.1, float("nan"), 3.0)
    )
    assert usual.score < unknown.score < unlike.score
    assert "group_novelty" in {evidence.feature for evidence in unlike.evidence}


def test_novelty_alone_makes_no_candidate() -> None:
    assert score(GROUP, novelty=3.0).score < CANDIDATE
    # Nor is it a second aspect beside one.
    young = replace(GROUP, young=np.ones(20))
    assert score(young, novelty=3.0).score < CANDIDATE


def test_ten_times_the_budget_multiplies_the_odds_by_ten() -> None:
    strict, usual, lenient = (score(DEALT, budget=budget).score for budget in (0.01, 0.1, 1.0))
    odds = [score / (1 - score) for score in (strict, usual, lenient)]
    assert odds[1] / odds[0] == pytest.approx(10)
    assert odds[2] / odds[1] == pytest.approx(10)


def claims(group: ClusterFeatures) -> set[str]:
    return {evidence.feature for evidence in score(group).evidence}


def test_less_co_location_than_by_chance_is_no_evidence() -> None:
    assert "colocation" not in claims(
        replace(DEALT, colocation_rate=0.12, expected_colocation_rate=0.55)
    )
    assert "colocation" in claims(
        replace(DEALT, colocation_rate=0.3, expected_colocation_rate=0.02)
    )


#: Sixty-four accounts that are dealt twenty questions each of one list.
CRAM = replace(
    GROUP,
    members=64,
    owners=64,
    young=np.zeros(0),
    recently_first_seen=np.zeros(0),
    links=LinkBasis.PHRASES,
    phrase_cooccurrence=63.0,
)


def test_requests_dealt_more_evenly_than_chance_are_evidence() -> None:
    equal = score(replace(CRAM, dispersion=0.0, evenness_log_p=130.0))
    by_chance = score(replace(CRAM, dispersion=0.0, evenness_log_p=4.0))
    assert equal.score > 0.8 > by_chance.score
    assert "more evenly than by chance" in str(equal.evidence)


def test_a_short_list_for_many_is_homework() -> None:
    even = replace(CRAM, dispersion=0.0, evenness_log_p=130.0)
    assert score(replace(even, prompt_variety=0.5)).score < CANDIDATE
    arrived = replace(CRAM, dispersion=0.0, recently_first_seen=np.ones(64), prompt_variety=0.5)
    assert score(arrived).score < CANDIDATE


@pytest.mark.parametrize(("owners", "candidate"), [(9, False), (24, False), (64, True)])
def test_a_crowd_that_is_first_seen_together_is_a_candidate_and_a_team_is_not(
    owners: int, *, candidate: bool
) -> None:
    group = replace(
        GROUP, members=owners, owners=owners, young=np.zeros(0),
        recently_first_seen=np.ones(owners),
        links=LinkBasis.CONTENT, prompt_cooccurrence=8.0, dispersion=0.2, start_share=0.9,
    )  # fmt: skip
    assert (score(group).score > CANDIDATE) == candidate


def test_first_seen_is_not_counted_beside_young() -> None:
    young = replace(
        GROUP, members=64, owners=64, young=np.ones(64), recently_first_seen=np.ones(64)
    )
    assert len(claims(young) & {"young_accounts", "recently_first_seen"}) == 1


def test_evidence_is_a_number_where_requests_are_few() -> None:
    even = score(replace(CRAM, dispersion=float("nan"), evenness_log_p=30.0)).evidence
    assert {e.feature: e.value for e in even}["same_pace"] == 0


def test_evidence_is_plain_numbers_whatever_the_features_are() -> None:
    new = replace(GROUP, young=np.ones(20), population_young=np.float64(0.06))
    found = score(new).evidence
    assert "young_accounts" in {one.feature for one in found}
    for one in found:
        assert {type(one.value), type(one.contribution)} == {float}
        assert one.baseline is None or type(one.baseline) is float
