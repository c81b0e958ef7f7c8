"""Traffic counters of a cluster's members, now and at their first evidence.

Adds nothing up: incidents know which part of it they have counted already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.traffic import COUNTS, TRAFFIC, counts, matrix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.campaigns.graph.snapshot import Snapshot
    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.campaigns.types import Records
    from stream.core.batch import Positions

#: The counters of a member now, and before its first use of the cluster's indicators; both are
#: equal for a member that uses none now.
MEMBER_TRAFFIC: Final = np.dtype([("traffic", TRAFFIC), ("before", COUNTS)])


def member_traffic(
    graph: BipartiteGraph, snapshot: Snapshot, at: Positions, names: Sequence[str]
) -> Records:
    """Return a row of :data:`MEMBER_TRAFFIC` for each of some known accounts, shape ``(n,)``.

    ``at`` are the positions of the edges that link them.
    """
    slots = graph.find_accounts(names)
    rows = np.empty(len(names), MEMBER_TRAFFIC)
    rows["traffic"] = graph.accounts["traffic"][slots]
    rows["before"] = rows["traffic"]["total"]
    order = np.argsort(slots)
    account, edges = snapshot.account[at], snapshot.edges[at]
    place = np.minimum(np.searchsorted(slots[order], account), len(slots) - 1)
    linked = slots[order][place] == account if len(slots) else np.zeros(0, bool)
    row, edges = order[place[linked]], edges[linked]
    before = matrix(graph.edges["before"][edges])
    # The account was forgotten since, and its counters began at 0: all of it is after its evidence.
    before[graph.edges["since"][edges] < rows["traffic"]["since"][row]] = 0
    least = matrix(rows["before"])
    np.minimum.at(least, row, before)
    rows["before"] = counts(least)
    return rows
