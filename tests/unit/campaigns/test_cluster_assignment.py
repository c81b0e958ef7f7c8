"""Clusters that overlap are merged, in whatever order they are compared."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.campaigns.clusters.cluster_assignment import ClusterAssignment, ClusterState


@dataclass
class Fake:
    """A table and snapshot in which account ``n`` belongs to owner ``n // 2``."""

    owner: np.ndarray

    def find_accounts(self, names: list[str]) -> np.ndarray:
        return np.array([-1 if name == "gone" else int(name) for name in names], np.int64)


FAKE: Any = Fake(np.arange(40) // 2)
sets = st.lists(
    st.tuples(
        st.sets(st.integers(1, 12), min_size=1, max_size=3),
        st.sets(st.sampled_from([*map(str, range(40)), "gone"]), min_size=1, max_size=8),
    ),
    max_size=9,
)


def all_states(found) -> list[ClusterState]:
    return [
        ClusterState(
            campaign_id=f"c{i}",
            founded=float(i // 2),
            values={(1, value) for value in values},
            members=set(members),
        )
        for i, (values, members) in enumerate(found)
    ]


def one_by_one(found: list[ClusterState]) -> list[ClusterState]:
    """Merge the first two that overlap, again and again."""
    kept = {k.campaign_id: k for k in found}
    assignment = ClusterAssignment({}, FAKE, FAKE)
    while True:
        assignment._owners.clear()
        order = sorted(kept.values(), key=lambda k: (k.founded, k.campaign_id))
        pair = next((p for p in combinations(order, 2) if assignment._overlap(*p)), None)
        if pair is None:
            return order
        older, younger = pair
        older.values |= younger.values
        older.members |= younger.members
        older.absorbed += [younger.campaign_id, *younger.absorbed]
        del kept[younger.campaign_id]


@given(sets, sets.filter(bool))
def test_a_candidate_that_a_cluster_has_changes_nothing(found, candidates) -> None:
    kept = {k.campaign_id: k for k in all_states(found)}
    assignment = ClusterAssignment(kept, FAKE, FAKE)
    before = all_states(found)
    for new in all_states(candidates):
        new.campaign_id = "candidate"
        if assignment.has(new):
            assignment.assign(new)
    assert [*kept.values()] == before


def test_a_candidate_is_one_that_a_cluster_has_only_with_all_values_and_members() -> None:
    cluster = ClusterState(
        campaign_id="c", founded=0.0, values={(1, 1), (1, 2)}, members={"0", "2", "4"}
    )
    assignment = ClusterAssignment({"c": cluster}, FAKE, FAKE)

    def has(values: set[int], *members: str) -> bool:
        named = {(1, value) for value in values}
        return assignment.has(
            ClusterState(campaign_id="n", founded=1.0, values=named, members={*members})
        )

    assert has({1}, "0", "4")
    assert not has({1, 3}, "0", "4")
    assert not has({1}, "0", "6")
    assert not has({7}, "20", "22")


@given(sets)
def test_merging_equals_merging_one_pair_after_the_other(found) -> None:
    kept = {k.campaign_id: k for k in all_states(found)}
    ClusterAssignment(kept, FAKE, FAKE).merge()
    assert sorted(kept.values(), key=lambda k: (k.founded, k.campaign_id)) == one_by_one(
        all_states(found)
    )
