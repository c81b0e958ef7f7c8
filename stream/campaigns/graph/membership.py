"""Which accounts are members of a cluster: those with more evidence than one address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.graph.handovers import LEAST_CONVERSATIONS
from stream.campaigns.graph.snapshot import CONTENT, LINKING
from stream.core.links import LinkKind, of_kinds
from stream.store.order import ascending

if TYPE_CHECKING:
    from stream.campaigns.graph.handovers import Handovers
    from stream.campaigns.graph.snapshot import Snapshot
    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.campaigns.types import Kinds
    from stream.core.batch import (
        AccountSlots,
        Counts,
        EdgeSlots,
        Floats,
        Mask,
        Positions,
        Seconds,
        ValueSlots,
    )

#: A member used the cluster's content this often and for this part of its requests of a day, or
#: once, when that is this part of them (all assumed) ...
_LEAST_REQUESTS: Final = 2
_LEAST_SHARE: Final = 0.1
_ONCE_SHARE: Final = 0.2
#: ... or used this many of its indicators (assumed).
_SEVERAL_VALUES: Final = 3
#: It takes as many phrases, and at least one for each four requests of a day (assumed).
_PHRASES_SHARE: Final = 0.25
#: A change point counts when it has lasted this long; an outage of another provider is shorter
#: (assumed).
_CHANGE_LASTS_S: Final = 6 * 3600.0
#: Accounts have an indicator in common when this many and this part of them have it (assumed).
_COMMON_USERS: Final = 3
_COMMON_SHARE: Final = 0.05
#: Kinds of which a single indicator may found a cluster.
ALONE: Final = (
    *CONTENT, LinkKind.CHANGE_POINT, LinkKind.SUCCESSION, LinkKind.TOPIC, LinkKind.CUSTOMERS,
    LinkKind.CONTEXT,
)  # fmt: skip
#: Kinds of which one makes an account a member, whatever it is; a change point has to last.
_LINKING_ALONE: Final = (
    LinkKind.PAYMENT, LinkKind.SUCCESSION, LinkKind.TOPIC, LinkKind.CUSTOMERS, LinkKind.CONTEXT,
)  # fmt: skip
#: Kinds of which several do not make an account a member, or only as many as phrases take.
_NEVER_SEVERAL: Final = (
    LinkKind.PHRASE, LinkKind.CHANGE_POINT, LinkKind.TOPIC, LinkKind.CONVERSATION,
    LinkKind.CUSTOMERS, LinkKind.CONTEXT,
)  # fmt: skip


def members_of(
    graph: BipartiteGraph, snapshot: Snapshot, values: ValueSlots, handovers: Handovers
) -> tuple[AccountSlots, Seconds]:
    """Return the members of a cluster of indicators, ascending, and when each joined; ``(n,)``.

    A conversation makes only those members that take over conversations, never those that are
    given the answers.
    """
    at = snapshot.at(values)
    accounts, row = np.unique(snapshot.account[at], return_inverse=True)
    edges, kind = snapshot.edges[at], snapshot.kind[snapshot.value[at]]

    def count(which: Mask) -> Counts:
        return np.bincount(row[which], minlength=len(accounts))

    requests = _most_by_kind(graph.edges["requests"][edges], row, kind, len(accounts))
    day = np.maximum(graph.accounts["day_requests"][accounts], 1)
    devoted = (count(of_kinds(kind, CONTENT)) > 0) & _devoted(requests, day)
    phrases = count(kind == LinkKind.PHRASE) >= np.maximum(_SEVERAL_VALUES, _PHRASES_SHARE * day)
    several = (count(~of_kinds(kind, _NEVER_SEVERAL)) >= _SEVERAL_VALUES) | phrases
    takes_over = handovers.takes_over[accounts]
    if takes_over.any():
        takes_over &= handovers.taken_of(values, accounts) >= LEAST_CONVERSATIONS
    since = np.full(len(accounts), np.inf)
    np.minimum.at(since, row, graph.edges["since"][edges])
    member = devoted | several | takes_over | (count(_linked_by_one(graph, edges, kind)) > 0)
    return accounts[member], since[member]


def members_of_each(graph: BipartiteGraph, snapshot: Snapshot, values: ValueSlots) -> Counts:
    """Return how many members each indicator has as a cluster of its own, shape ``(n,)``.

    As :func:`members_of` of one indicator that is no conversation (:data:`ALONE`).
    """
    at = snapshot.at(values)
    edges, kind = snapshot.edges[at], snapshot.kind[snapshot.value[at]]
    day = np.maximum(graph.accounts["day_requests"][snapshot.account[at]], 1)
    devoted = _devoted(graph.edges["requests"][edges], day) & of_kinds(kind, CONTENT)
    member = devoted | _linked_by_one(graph, edges, kind)
    row = np.repeat(np.arange(len(values)), snapshot.stop[values] - snapshot.start[values])
    return np.bincount(row[member], minlength=len(values))


def _devoted(requests: Counts | Floats, day: Counts | Floats) -> Mask:
    """Return who used a cluster's content often, or in much of the requests of a day; ``(n,)``."""
    often = (requests >= _LEAST_REQUESTS) & (requests >= _LEAST_SHARE * day)
    return np.asarray(often | (requests >= _ONCE_SHARE * day))


def _linked_by_one(graph: BipartiteGraph, edges: EdgeSlots, kind: Kinds) -> Mask:
    """Return which edges make their account a member whatever else it shares, shape ``(n,)``."""
    lasting = kind == LinkKind.CHANGE_POINT
    lasting[lasting] = change_point_lasts(graph, edges[lasting])
    # Only those that live in a topic, are crowded or take contexts over, are linked by it.
    return np.asarray(lasting | of_kinds(kind, _LINKING_ALONE))


def change_point_lasts(graph: BipartiteGraph, edges: EdgeSlots) -> Mask:
    """Return whether each edge to a change point has lasted, shape ``(n,)``."""
    return np.asarray(graph.edges["last"][edges] - graph.edges["since"][edges] >= _CHANGE_LASTS_S)


def common_indicators(snapshot: Snapshot, accounts: AccountSlots) -> ValueSlots:
    """Return the indicators of :data:`LINKING` that accounts have in common."""
    value = snapshot.value[snapshot.at_accounts(accounts)]
    value = value[of_kinds(snapshot.kind[value], LINKING)]
    values, count = np.unique(value, return_counts=True)
    return np.asarray(values[count >= max(_COMMON_USERS, _COMMON_SHARE * len(accounts))])


def shared_payments(snapshot: Snapshot, members: AccountSlots) -> int:
    """Return how many payments pay for several of the members."""
    payments = snapshot.payment[members]
    _, count = np.unique(payments[payments >= 0], return_counts=True)
    return int((count > 1).sum())


def residents(snapshot: Snapshot, members: AccountSlots) -> int:
    """Return how many of the members live in a topic that surged."""
    kind = snapshot.kind[snapshot.value[at := snapshot.at_accounts(members)]]
    return len(ascending(snapshot.account[at[kind == LinkKind.TOPIC]]))


def _most_by_kind(amount: Counts, row: Positions, kind: Kinds, rows: int) -> Floats:
    """Return the largest sum of ``amount`` of one kind of content, for each row, ``(rows,)``."""
    most = np.zeros(rows)
    for one in CONTENT:
        of_kind = kind == one
        most = np.maximum(most, np.bincount(row[of_kind], amount[of_kind], rows))
    return most
