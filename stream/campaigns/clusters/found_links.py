"""Keeps the links that are found here in the graph as they are found now: adds new, takes others.

Unlike a value that an account has used, a succession may turn out to be none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stream.campaigns.clusters.groups import add_groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.core.findings import Group
    from stream.core.links import LinkKind


def put_found(
    graph: BipartiteGraph, kind: LinkKind, groups: Sequence[Group], *, most_members: int
) -> int:
    """Make ``groups`` the only ones of a kind; return how many links there was no room for."""
    links = _links(graph, kind)
    wanted = {
        (group.value, member.account_id): (member.since, member.last)
        for group in groups
        for member in group.members
    }
    gone = [edge for link, (edge, _) in links.items() if link not in wanted]
    graph.remove(np.array(sorted(gone), np.int64))
    changed = {value for (value, name), times in wanted.items()
               if (value, name) not in links or links[value, name][1] != times}  # fmt: skip
    some = [group for group in groups if group.value in changed]
    return add_groups(graph, some, most_members=most_members)


def _links(
    graph: BipartiteGraph, kind: LinkKind
) -> dict[tuple[int, str], tuple[int, tuple[float, float]]]:
    """Return the links there are, by value and account: edge, and since and last use."""
    values = graph.values
    of_kind = np.flatnonzero(values.used & (values["kind"] == kind))
    if not len(of_kind):
        return {}
    edges = graph.edges_of(of_kind)
    numbers = values["value"][graph.edges["value"][edges]].tolist()
    names = graph.names(graph.edges["account"][edges])
    times = zip(
        graph.edges["since"][edges].tolist(), graph.edges["last"][edges].tolist(), strict=True
    )
    found = zip(edges.tolist(), times, strict=True)
    return dict(zip(zip(numbers, names, strict=True), found, strict=True))
