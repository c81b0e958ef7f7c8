"""What a graph forgets: what is old, has a high prevalence, is too much, or is to be forgotten.

When it is full, the accounts that filled it make room. An account's indicators are ranked by
eviction priority, and those of the lowest rank go first, so that no account keeps more of them than
the others (max-min fairness). An indicator of a single account links no accounts yet: such
indicators make room for each other, and shared ones go only while they take more than their half.
As in 2Q (Johnson and Shasha, VLDB 1994), no number of indicators that are used once pushes out
those that are shared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.store.order import cumcount

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.core.batch import Counts, Positions, ValueSlots

#: One doubling of the accounts of an indicator counts as much as this much recency (assumed).
_SIZE_BONUS_S: Final = 86400.0
#: One part of this number of parts of a full graph is for indicators of single accounts alone (2Q
#: has a quarter; assumed: most are of single accounts).
_SINGLE: Final = 2
#: One edge of this number of edges goes at once: ranking them takes a pass over all (assumed).
_SPARE: Final = 16
#: Indicators of high prevalence have no edges; one may be kept for this number of edges (assumed).
_HIGH_PREVALENCE: Final = 8


class EvictionPolicy:
    """Keeps a graph within its bound; decides only by event time and by the indicators."""

    def __init__(self, graph: BipartiteGraph, *, max_edges: int) -> None:
        """Hold ``graph`` at about ``max_edges`` edges after each :meth:`shrink`."""
        self._graph = graph
        self._max_edges = max_edges

    def expire(self, before: float) -> int:
        """Forget what was last used before ``before``; return how many indicators."""
        graph = self._graph
        values, known = graph.values, len(graph.values)
        graph.remove(np.flatnonzero(graph.edges.used & (graph.edges["last"] < before)))
        old = values.used & values["high_prevalence"] & (values["last"] < before)
        graph.forget_values(np.flatnonzero(old))
        return known - len(values)

    def keep_prevalence_only(self, indicators: ValueSlots) -> None:
        """Forget the edges of indicators; only their high prevalence is remembered."""
        if len(indicators):
            values = self._graph.values
            values["high_prevalence"][indicators] = True
            values["dirty"][indicators] = True
            self._graph.remove(self._graph.edges_of(indicators))

    def forget_accounts(self, names: Sequence[str]) -> None:
        """Forget accounts with all of their edges; unknown ones are ignored."""
        graph, accounts = self._graph, self._graph.find_accounts(names)
        of_them = np.isin(graph.edges["account"], accounts[accounts >= 0])
        graph.remove(np.flatnonzero(graph.edges.used & of_them))

    def shrink(self) -> int:
        """Forget indicators while there is too much of anything; return how many."""
        graph = self._graph
        known = len(graph.values)
        self._shrink_high_prevalence()
        excess = len(graph.edges) - self._max_edges
        if excess > 0:
            graph.remove(graph.edges_of(self._least(excess)))
        return known - len(graph.values)

    def _shrink_high_prevalence(self) -> None:
        values = self._graph.values
        high = np.flatnonzero(values.used & values["high_prevalence"])
        excess = len(high) - self._max_edges // _HIGH_PREVALENCE
        if excess > 0:
            self._graph.forget_values(high[self._by_priority(high)[::-1][:excess]])

    def _least(self, excess: int) -> ValueSlots:
        """Return indicators with at least ``excess`` edges that make room."""
        columns = self._graph.values
        values = np.flatnonzero(columns.used & (columns["size"] > 0))
        values = values[self._by_priority(values)]
        size = columns["size"][values]
        single = size == 1
        singles = int(np.count_nonzero(single))
        others = int(size.sum()) - singles
        most = excess + self._max_edges // _SPARE
        from_singles = max(singles - self._max_edges // _SINGLE, excess - others)
        from_singles = min(max(from_singles, 0), singles, most)
        # From the lowest rank up, and those of one rank from the lowest priority up.
        order = np.lexsort((-np.arange(len(values)), -self._ranks(values)))
        going = [_until(order[single[order]], size, from_singles)]
        if from_singles < excess:
            going.append(_until(order[~single[order]], size, most - from_singles))
        return np.asarray(values[np.concatenate(going)])

    def _by_priority(self, values: ValueSlots) -> Positions:
        """Return the order of indicators from the highest priority down, shape ``(n,)``."""
        columns = self._graph.values
        size = np.maximum(columns["size"][values], 1)
        priority = columns["last"][values] + _SIZE_BONUS_S * np.log2(size)
        # Ties go by the indicator itself, so that a recovered task forgets the same ones.
        number, kind = columns["value"][values], columns["kind"][values]
        return np.asarray(np.lexsort((number, kind, -priority)))

    def _ranks(self, values: ValueSlots) -> Positions:
        """Return each indicator's best place among the indicators of one of its accounts, ``(n,)``.

        ``values`` are all that have edges, the highest priority first.
        """
        columns = self._graph.edges
        place = np.zeros(len(self._graph.values.used), np.int64)
        place[values] = np.arange(len(values))
        edges = columns.in_use
        at = place[columns["value"][edges]]
        order = np.argsort(at)
        rank = np.full(len(values), len(edges))
        np.minimum.at(rank, at[order], cumcount(columns["account"][edges[order]]))
        return rank


def _until(positions: Positions, size: Counts, enough: int) -> Positions:
    """Return the first positions that together have ``enough`` edges."""
    if enough <= 0:
        return positions[:0]
    return positions[: np.searchsorted(np.cumsum(size[positions]), enough) + 1]
