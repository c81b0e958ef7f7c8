"""Values that were known under the previous salt, under their new names: one value stays one.

While ``intake.salt`` is replaced, groups carry the new name of their value, and the one that it had
before. Edges, clusters and so incidents continue under the new name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stream.campaigns.links.indicators import find
from stream.campaigns.links.successors import rename_organizations

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stream.campaigns.clusters.cluster_store import ClusterStore
    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.campaigns.types import Indicator
    from stream.core.batch import ValueSlots
    from stream.core.findings import Group


def apply_renames(
    graph: BipartiteGraph,
    clusters: ClusterStore,
    groups: Sequence[Group],
    *,
    most_members: int,
) -> None:
    """Rename what ``groups`` have under another name, in the graph and in clusters."""
    groups = [group for group in groups if group.renamed]
    if not groups:
        return
    rename_organizations(graph, {old: new for g in groups for old, new in g.renamed.items()})
    names = renamed_values(groups)
    old, new = find(graph, [*names]), np.array([*names.values()], np.uint64)
    known = old >= 0
    if not known.any():
        return
    clusters.rename(names)
    old, new = old[known], new[known]
    there = graph.find_values(graph.values["kind"][old], new)
    graph.rename(old[there < 0], new[there < 0])
    for one, into in zip(old[there >= 0].tolist(), there[there >= 0].tolist(), strict=True):
        _merge(graph, np.array([one]), into, most_members=most_members)


def renamed_values(groups: Iterable[Group]) -> dict[Indicator, int]:
    """Return the values of groups by the indicators that they were before."""
    return {
        (group.kind, old): new
        for group in groups
        for old, new in group.renamed.items()
        if new == group.value
    }


def _merge(graph: BipartiteGraph, old: ValueSlots, into: int, *, most_members: int) -> None:
    """Move the edges of an indicator to another one, which is known under the new name already."""
    graph.values["alias"][into] = graph.values["value"][old[0]]
    edges = graph.edges_of(old)
    accounts = graph.edges["account"][edges]
    moved = graph.edge_slots(np.full(len(edges), into), accounts, most=most_members)
    kept = moved >= 0
    columns, source, target = graph.edges, edges[kept], moved[kept]
    earlier = columns["since"][source] < columns["since"][target]
    columns["before"][target[earlier]] = columns["before"][source[earlier]]
    columns["since"][target] = np.minimum(columns["since"][target], columns["since"][source])
    columns["last"][target] = np.maximum(columns["last"][target], columns["last"][source])
    # Both counted the same requests.
    requests = np.maximum(columns["requests"][target], columns["requests"][source])
    columns["requests"][target] = requests
    graph.touch(target)
    graph.remove(edges)
