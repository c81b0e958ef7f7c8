"""What the members of a cluster did, as counters, and what these were at their first evidence.

Nothing is added up here: whoever was told of a cluster before knows what is counted already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.traffic import COUNTS, TRAFFIC, counts, matrix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.campaigns.graph.snapshot import Snapshot
    from stream.campaigns.links.edges import EdgeTable
    from stream.core.batch import Array

#: The counters of a member, and what they were before its first use of a value of the cluster:
#: what they are, for a member that uses none now.
REPORT: Final = np.dtype([("traffic", TRAFFIC), ("before", COUNTS)])


def reports(table: EdgeTable, snapshot: Snapshot, at: Array, names: Sequence[str]) -> Array:
    """Return a row of :data:`REPORT` for each of some known accounts, shape ``(n,)``.

    ``at`` are the positions of the edges that link them.
    """
    slots = table.find_accounts(names)
    rows = np.empty(len(names), REPORT)
    rows["traffic"] = table.accounts["traffic"][slots]
    rows["before"] = rows["traffic"]["total"]
    order = np.argsort(slots)
    account, edges = snapshot.account[at], snapshot.edges[at]
    place = np.minimum(np.searchsorted(slots[order], account), len(slots) - 1)
    linked = slots[order][place] == account if len(slots) else np.zeros(0, bool)
    row, edges = order[place[linked]], edges[linked]
    before = matrix(table.edges["before"][edges])
    # The account was forgotten since and is counted anew: all of that is later than its evidence.
    before[table.edges["since"][edges] < rows["traffic"]["since"][row]] = 0
    least = matrix(rows["before"])
    np.minimum.at(least, row, before)
    rows["before"] = counts(least)
    return rows
