"""What links and groups bring about accounts: kept in the graph, and sent on with a group."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from stream.campaigns.links.graph_columns import OF_ACCOUNT, OF_EDGE
from stream.campaigns.links.rows import cut
from stream.core.findings import Member

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.campaigns.types import Records
    from stream.core.batch import AccountSlots, Array, EdgeSlots


def known_accounts(graph: BipartiteGraph, names: Iterable[str]) -> set[str]:
    """Return those of some accounts that have an edge."""
    names = [*names]
    found = graph.find_accounts(names) >= 0
    return {names[i] for i in np.flatnonzero(found).tolist()}


def note_accounts(
    graph: BipartiteGraph, accounts: AccountSlots, columns: Mapping[str, Array]
) -> None:
    """Store :data:`OF_ACCOUNT` of accounts; columns have the shape ``(n,)``.

    What is unknown now keeps its earlier value.
    """
    stored = graph.accounts
    known = columns["organization"] != 0
    stored["organization"][accounts[known]] = columns["organization"][known]
    created = np.fmax(stored["created_at"][accounts], columns["created_at"])
    stored["created_at"][accounts] = created
    np.minimum.at(stored["first_seen"], accounts, columns["first_seen"])
    for name in ("day_requests", "active_hours"):
        stored[name][accounts] = columns[name]
    stored["dirty"][accounts] = True


def note_traffic(graph: BipartiteGraph, accounts: AccountSlots, traffic: Records) -> None:
    """Store counters (TRAFFIC) of accounts that are newer than those known; ``(n,)`` each.

    An account may occur more than once: the latest counters stay.
    """
    newer = traffic["seen"] >= graph.accounts["traffic"]["seen"][accounts]
    order = np.flatnonzero(newer)
    order = order[np.argsort(traffic["seen"][order], kind="stable")]
    graph.accounts["traffic"][accounts[order]] = traffic.take(order)


def members(graph: BipartiteGraph, edges: EdgeSlots) -> list[Member]:
    """Return edges as they travel in a group, in the order given."""
    accounts = graph.edges["account"][edges]
    columns = {name: graph.edges[name][edges].tolist() for name in OF_EDGE}
    columns |= {name: graph.accounts[name][accounts].tolist() for name in OF_ACCOUNT}
    # NaN is not equal to itself, so equal groups would not be.
    columns["created_at"] = [None if math.isnan(at) else at for at in columns["created_at"]]
    columns |= {"before": cut(graph.edges["before"][edges])}
    columns |= {"traffic": cut(graph.accounts["traffic"][accounts])}
    rows = zip(graph.names(accounts), *columns.values(), strict=True)
    return [Member(*row) for row in rows]
