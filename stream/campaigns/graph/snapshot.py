"""The bipartite graph at one moment, arranged for scoring: edges by indicator and by account.

Accounts of one *owner* (see owners.py) may share among themselves whatever they like: only what
different owners share links them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.graph.owners import owners
from stream.core.links import LinkKind

if TYPE_CHECKING:
    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.campaigns.types import Kinds, OwnerNumbers
    from stream.core.batch import AccountSlots, EdgeSlots, Positions, Seconds, ValueSlots

#: Kinds of text, as opposed to address and payment.
CONTENT: Final = (LinkKind.SYSTEM_PROMPT, LinkKind.TEMPLATE)
#: Kinds that different owners share only by coordination or by chance.
LINKING: Final = (*CONTENT, LinkKind.ADDRESS)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Edges sorted by value; arrays over edges have shape ``(e,)``, over accounts ``(capacity,)``.

    ``start[v]:stop[v]`` are the positions of the edges of value slot ``v``, and
    ``by_account[first[a]:first[a + 1]]`` those of account slot ``a``.
    """

    time: float
    edges: EdgeSlots
    value: ValueSlots  # of each edge
    account: AccountSlots  # of each edge
    start: Positions
    stop: Positions
    by_account: Positions
    first: Positions
    kind: Kinds  # of each value slot, shape (value capacity,)
    known: AccountSlots  # in use
    owner: OwnerNumbers  # of each account
    payment: ValueSlots  # of each account's shared payment, -1 without

    @classmethod
    def of(cls, graph: BipartiteGraph, time: float) -> Snapshot:
        """Arrange the graph as it is at ``time``."""
        edges = graph.edges.in_use
        # No two are equal: one sort of pairs costs a third of np.lexsort.
        edges = edges[np.argsort(graph.edges["value"][edges] << 32 | graph.edges["account"][edges])]
        value, account = graph.edges["value"][edges], graph.edges["account"][edges]
        slots = np.arange(len(graph.values.used))
        kind = graph.values["kind"]
        payment = _shared_payment(graph, edges, value, account)
        return cls(
            time=time,
            edges=edges,
            value=value,
            account=account,
            start=np.searchsorted(value, slots),
            stop=np.searchsorted(value, slots, side="right"),
            by_account=(by_account := np.argsort(account << 32 | np.arange(len(account)))),
            first=np.searchsorted(account[by_account], np.arange(len(graph.accounts.used) + 1)),
            kind=kind,
            known=graph.accounts.in_use,
            owner=owners(graph, edges, payment),
            payment=payment,
        )

    def at(self, values: ValueSlots) -> Positions:
        """Return the positions of all edges of indicators, shape ``(n,)``, i8."""
        return _ranges(self.start[values], self.stop[values])

    def at_accounts(self, accounts: AccountSlots) -> Positions:
        """Return the positions of all edges of accounts, shape ``(n,)``, i8."""
        ranges = _ranges(self.first[accounts], self.first[accounts + 1])
        return np.asarray(self.by_account[ranges])


def _ranges(start: Positions, stop: Positions) -> Positions:
    """Return the numbers from each start to before its stop, one after the other."""
    size = stop - start
    behind = np.cumsum(size)
    at = np.arange(behind[-1] if len(behind) else 0)
    return np.asarray(at + np.repeat(start - behind + size, size))


def _shared_payment(
    graph: BipartiteGraph, edges: EdgeSlots, value: ValueSlots, account: AccountSlots
) -> ValueSlots:
    paid = (graph.values["kind"][value] == LinkKind.PAYMENT) & (graph.values["size"][value] > 1)
    payment = np.full(len(graph.accounts.used), -1)
    order = np.flatnonzero(paid)
    order = order[np.lexsort((graph.values["value"][value[order]], _last(graph, edges)[order]))]
    payment[account[order]] = value[order]  # the latest stays
    return payment


def _last(graph: BipartiteGraph, edges: EdgeSlots) -> Seconds:
    return graph.edges["last"][edges]
