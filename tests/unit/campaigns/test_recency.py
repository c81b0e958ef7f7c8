"""Young and recently first seen accounts, and when that is unknown."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.campaigns.links.bipartite_graph import BipartiteGraph
from stream.campaigns.population.recency import Recency
from stream.campaigns.population.trait import Trait
from stream.campaigns.settings import CampaignSettings

DAY_S = 86_400.0
ORIGIN = 1_772_409_600.0
NOVELTY = Recency(CampaignSettings(), ORIGIN, ORIGIN + 6 * DAY_S)
EARLY = Recency(CampaignSettings(), ORIGIN, ORIGIN + 0.9 * DAY_S)


def table(created: float, seen: float) -> tuple[BipartiteGraph, np.ndarray]:
    edges = BipartiteGraph()
    slots = edges.account_slots(["a"])
    edges.accounts["created_at"][slots], edges.accounts["first_seen"][slots] = created, seen
    return edges, slots


def test_an_account_is_young_for_a_month_after_its_creation() -> None:
    found = table(ORIGIN, ORIGIN)
    assert NOVELTY.young(*found, ORIGIN + 29 * DAY_S) == [1]
    assert NOVELTY.young(*found, ORIGIN + 31 * DAY_S) == [0]
    assert np.isnan(NOVELTY.young(*table(np.nan, ORIGIN), ORIGIN))


def test_recently_first_seen_is_unknown_before_the_log_is_known_for_a_day() -> None:
    assert np.isnan(EARLY.recently_first_seen(*table(np.nan, ORIGIN + 3600), ORIGIN + 3600))


def test_an_account_that_was_there_before_is_not_recently_first_seen() -> None:
    # Also where it joined a group before: else a few newcomers would speak for a whole group.
    assert NOVELTY.recently_first_seen(*table(np.nan, ORIGIN + 3600), ORIGIN + 3600) == [0]


def test_an_account_that_is_first_seen_in_a_known_log_counts_so_for_days() -> None:
    found = table(np.nan, ORIGIN + 2 * DAY_S)
    assert NOVELTY.recently_first_seen(*found, ORIGIN + 2 * DAY_S) == [1]
    assert NOVELTY.recently_first_seen(*found, ORIGIN + 4.9 * DAY_S) == [1]
    assert NOVELTY.recently_first_seen(*found, ORIGIN + 5.1 * DAY_S) == [0]


values = st.lists(st.sampled_from([0.0, 1.0, np.nan]), min_size=1, max_size=30)


@given(values, st.data())
def test_the_share_without_some_is_that_of_the_others(traits: list[float], data) -> None:
    owner = np.array(
        data.draw(st.lists(st.integers(0, 5), min_size=len(traits), max_size=len(traits)))
    )
    some = np.array(sorted(data.draw(st.sets(st.integers(0, len(traits) - 1)))), np.int64)
    left = np.array(traits)
    left[some] = np.nan
    of_owner = [left[owner == one] for one in range(6)]
    means = [group[~np.isnan(group)].mean() for group in of_owner if (~np.isnan(group)).any()]
    found = Trait.of(np.array(traits), owner, 6).share(but=some)
    assert np.isclose(found, (sum(means) + 1) / (len(means) + 10))
