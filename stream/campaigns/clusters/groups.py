"""Puts the groups that the links stage sends into the detector's own bipartite graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stream.campaigns.clusters.renames import renamed_values
from stream.campaigns.links.account_facts import note_accounts, note_traffic
from stream.campaigns.links.graph_columns import OF_ACCOUNT, OF_EDGE
from stream.campaigns.links.indicators import find
from stream.core.traffic import COUNTS, TRAFFIC, rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.core.batch import Array
    from stream.core.findings import Group, Member


def add_groups(graph: BipartiteGraph, groups: Sequence[Group], *, most_members: int) -> int:
    """Add groups, in any order; return how many links an indicator had no room for.

    A value that was renamed keeps the history that the group does not have, which only began when
    the salt was replaced.
    """
    if any(group.renamed for group in groups):
        # Where a value comes twice, while a salt is replaced, the longer history counts.
        groups = sorted(groups, key=lambda g: (-g.since, g.size, not g.renamed))
    found = {(g.kind, g.value, m.account_id): (g, m) for g in groups for m in g.members}
    if not found:
        return 0
    rows = [found[key] for key in sorted(found)]
    values = graph.value_slots([g.kind for g, _ in rows], [g.value for g, _ in rows])
    _note_previous_names(graph, groups)
    accounts = graph.account_slots([m.account_id for _, m in rows])
    edges = graph.edge_slots(values, accounts, most=most_members)
    kept = np.flatnonzero(edges >= 0)
    if len(kept) < len(edges):
        graph.forget_unlinked(accounts)
    edges, members = edges[kept], [rows[i][1] for i in kept.tolist()]
    given = {name: np.array([getattr(m, name) for m in members]) for name in OF_EDGE}
    older = graph.edges["since"][edges] < given["since"]
    older &= graph.values["alias"][graph.edges["value"][edges]] != 0
    given["requests"][older] = np.maximum(
        given["requests"][older], graph.edges["requests"][edges[older]]
    )
    graph.edges["last"][edges], graph.edges["requests"][edges] = given["last"], given["requests"]
    newer = ~older
    graph.edges["since"][edges[newer]] = given["since"][newer]
    before = rows_of(COUNTS, [m.before for m in members])
    graph.edges["before"][edges[newer]] = before[newer]
    graph.touch(edges)
    note_accounts(graph, accounts[kept], _account_columns(members))
    note_traffic(graph, accounts[kept], rows_of(TRAFFIC, [m.traffic for m in members]))
    graph.values["dirty"][values] = True
    return len(rows) - len(kept)


def _note_previous_names(graph: BipartiteGraph, groups: Sequence[Group]) -> None:
    """Note the previous fingerprint of renamed values, also of those that are new here."""
    names = {(kind, new): old for (kind, old), new in renamed_values(groups).items()}
    slots = find(graph, [*names])
    known = slots >= 0  # a group without members adds no value
    graph.values["alias"][slots[known]] = np.array([*names.values()], np.uint64)[known]


def _account_columns(members: list[Member]) -> dict[str, Array]:
    """Return :data:`OF_ACCOUNT` of the members' accounts, as columns of shape ``(n,)``."""
    columns = {name: [getattr(member, name) for member in members] for name in OF_ACCOUNT}
    # None becomes NaN in a column of floats.
    return {name: np.array(values, OF_ACCOUNT[name]) for name, values in columns.items()}
