"""Indicators that the members of a cluster share, as alerts show them; scores nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.findings import Shared
from stream.core.links import LinkKind
from stream.store.order import cumcount

if TYPE_CHECKING:
    from stream.campaigns.graph.snapshot import Snapshot
    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.core.batch import AccountSlots, ValueSlots

#: Bounds of an alert: indicators, indicators of one kind, members of an indicator.
MOST_VALUES: Final = 24
_MOST_OF_A_KIND: Final = 8
MOST_NAMED: Final = 64
#: An indicator counts as the cluster's own when members are this share of its accounts. Assumed.
_OWN_SHARE: Final = 0.5


def shared_indicators(
    graph: BipartiteGraph, snapshot: Snapshot, members: AccountSlots, own: ValueSlots
) -> list[Shared]:
    """Return the indicators that members (slots) share, the most shared of each kind first.

    These are the cluster's own (``own``, slots) and those that few other accounts have.
    """
    at = snapshot.at_accounts(members)
    values, count = np.unique(snapshot.value[at], return_counts=True)
    chosen = np.isin(values, own) | (count >= _OWN_SHARE * graph.values["size"][values])
    values, count = values[chosen & (count > 1)], count[chosen & (count > 1)]
    kind, number = snapshot.kind[values], graph.values["value"][values]
    order = np.lexsort((number, -count, kind))
    place = cumcount(kind[order])  # each kind's first comes before any kind's second
    order = order[np.argsort(place, kind="stable")][: (place < _MOST_OF_A_KIND).sum()]
    return [
        Shared(
            kind=LinkKind(int(kind[i])),
            value=int(number[i]),
            accounts=int(count[i]),
            members=_named(graph, snapshot, values[i], members),
        )
        for i in order[:MOST_VALUES].tolist()
    ]


def _named(
    graph: BipartiteGraph, snapshot: Snapshot, value: int, members: AccountSlots
) -> list[str]:
    having = snapshot.account[snapshot.start[value] : snapshot.stop[value]]
    return sorted(graph.names(having[np.isin(having, members)]))[:MOST_NAMED]
