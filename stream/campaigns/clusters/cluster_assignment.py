"""Which cluster a candidate is assigned to: one that shares an indicator or many owners with it.

Clusters that overlap as much are merged. Scores none. One object serves one scoring.
"""

from __future__ import annotations

from bisect import insort
from typing import TYPE_CHECKING, Final

import msgspec

from stream.campaigns.types import Indicator

if TYPE_CHECKING:
    from stream.campaigns.graph.snapshot import Snapshot
    from stream.campaigns.links.bipartite_graph import BipartiteGraph

#: A candidate that shares this part of its members' owners with a cluster, and at least this
#: number, is assigned to it (assumed: a part of a campaign shares more, unrelated groups fewer).
_OVERLAP: Final = 0.1
_LEAST_OVERLAP: Final = 2
#: Ids of absorbed clusters that a cluster remembers, the latest (assumed).
_MOST_ABSORBED: Final = 1000


class ClusterState(msgspec.Struct, kw_only=True):
    """A cluster between two scorings."""

    campaign_id: str
    founded: float
    values: set[Indicator]
    members: set[str]
    absorbed: list[str] = []


def _age(state: ClusterState) -> tuple[float, str]:
    return state.founded, state.campaign_id


class ClusterAssignment:
    """Assigns candidates to clusters and merges clusters; the older one keeps its id."""

    def __init__(
        self, states: dict[str, ClusterState], graph: BipartiteGraph, snapshot: Snapshot
    ) -> None:
        """Work on ``states``, the clusters by their id."""
        self._states = states
        self._graph = graph
        self._snapshot = snapshot
        self._order = sorted(states.values(), key=_age)
        #: By the object: two candidates that one indicator founds have the same id.
        self._owners: dict[int, tuple[ClusterState, set[int]]] = {}

    def has(self, new: ClusterState) -> bool:
        """Return whether :meth:`assign` would change nothing: a cluster has all of a candidate."""
        into = self._oldest(new)
        return into is not None and new.values <= into.values and new.members <= into.members

    def assign(self, new: ClusterState) -> None:
        """Let the oldest cluster that overlaps a candidate absorb it, or found one."""
        into = self._oldest(new)
        if into is not None:
            self._absorb(into, new)
            return
        self._states[new.campaign_id] = new
        insort(self._order, new, key=_age)

    def _oldest(self, new: ClusterState) -> ClusterState | None:
        return next((state for state in self._order if self._overlap(state, new)), None)

    def merge(self) -> None:
        """Let older clusters absorb younger ones that they overlap with by now."""
        order, at = self._order, 0
        while at < len(order):
            older = order[at]
            younger = next((k for k in order[at + 1 :] if self._overlap(older, k)), None)
            if younger is None:
                at += 1
                continue
            self._absorb(older, younger)
            older.absorbed += [younger.campaign_id, *younger.absorbed]
            del older.absorbed[:-_MOST_ABSORBED]
            del self._states[younger.campaign_id]
            order.remove(younger)
            # Now that it has grown, one before it may have come to overlap with it.
            at = next((i for i in range(at) if self._overlap(order[i], older)), at)

    def _overlap(self, one: ClusterState, other: ClusterState) -> bool:
        if not one.values.isdisjoint(other.values):
            return True
        a, b = self._owners_of(one), self._owners_of(other)
        if a.isdisjoint(b):
            return False
        return len(a & b) >= max(_LEAST_OVERLAP, _OVERLAP * min(len(a), len(b)))

    def _absorb(self, into: ClusterState, other: ClusterState) -> None:
        into.values |= other.values
        into.members |= other.members
        self._owners[id(into)] = into, self._owners_of(into) | self._owners_of(other)

    def _owners_of(self, state: ClusterState) -> set[int]:
        if id(state) not in self._owners:
            slots = self._graph.find_accounts([*state.members])
            found = set(self._snapshot.owner[slots[slots >= 0]].tolist())
            self._owners[id(state)] = state, found
        return self._owners[id(state)][1]
