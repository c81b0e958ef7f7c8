"""The accounts that the members of clusters are compared with, prepared once for a scoring."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from stream.campaigns.degrees.behaviour import BehaviourCounts
from stream.campaigns.degrees.memberships import ClusterMembership, ReferenceCounts
from stream.campaigns.degrees.met import Met
from stream.core.membership import MEMBERSHIP

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.campaigns.population.reference_population import ReferencePopulation
    from stream.campaigns.types import Records
    from stream.core.batch import AccountSlots


class ReferenceAccounts:
    """The accounts of a graph that are in no cluster; counted when the first cluster needs them."""

    def __init__(
        self, graph: BipartiteGraph, population: ReferencePopulation, clustered: Iterable[str]
    ) -> None:
        """Leave out the accounts of clusters, ``clustered``, by name."""
        self._graph = graph
        self._population = population
        self._clustered = clustered

    def memberships(self, members: AccountSlots) -> Records:
        """Return a row of MEMBERSHIP for each of the accounts of a cluster (slots, ascending)."""
        if not len(members):
            return np.zeros(0, MEMBERSHIP)
        return ClusterMembership(self._graph, self._population, members, self._counts).rows()

    @cached_property
    def _counts(self) -> ReferenceCounts:
        met = Met.of(self._population.snapshot)
        return ReferenceCounts(
            text=met.text_counts(self._outside),
            by_kind=met.kind_counts(self._outside),
            behaviour=BehaviourCounts.of(self._graph, self._population, self._outside),
        )

    @cached_property
    def _outside(self) -> AccountSlots:
        inside = np.zeros(len(self._graph.accounts.used), bool)
        slots = self._graph.find_accounts([*dict.fromkeys(self._clustered)])
        inside[slots[slots >= 0]] = True
        known = self._population.snapshot.known
        return np.asarray(known[~inside[known]])


def of_names(names: Sequence[str], known: Sequence[str], rows: Records) -> Records:
    """Return a row for each of ``names``; ``rows`` are of ``known`` ones, the others' are zero."""
    place = {name: i for i, name in enumerate(names)}
    at = np.array([place.get(name, -1) for name in known], np.int64)
    found = np.zeros(len(names), MEMBERSHIP)
    found[at[at >= 0]] = rows[at >= 0]
    return found
