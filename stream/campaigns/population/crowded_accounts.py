"""Crowded accounts: which of them are new, and whose customers carried on under a new one.

Resold access puts many people behind each account, and puts them behind another when it is banned:
accounts that are crowded from their first day on begin together, and each new one is used by the
people of one that has just gone. A crowd alone is a team or a product. A key that is renewed has
the people of one that was there for long: it is not new. Keys that are exchanged in time overlap:
the old one is used until the new one is.

People are followed by their addresses, whole ones; where these are not logged, or all requests
come through the reseller's own machines, nothing is found.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.succession.chance import Chance
from stream.core.links import LinkKind
from stream.store.order import ascending

if TYPE_CHECKING:
    from stream.campaigns.graph.snapshot import Snapshot
    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.campaigns.population.recency import Recency
    from stream.campaigns.types import OwnerNumbers
    from stream.core.batch import AccountSlots, Array, Mask, Seconds

#: Accounts begin together within this (assumed: what is bought or made at once is used at once).
_TOGETHER_S: Final = 86_400.0
#: Addresses at which people carried on, of two accounts (assumed, as common_networks.py: people
#: have a home and an office).
_LEAST_ADDRESSES: Final = 3
#: An address of more crowded accounts than this is no person's (assumed).
_MOST_ACCOUNTS: Final = 8
#: Successors that begin further apart than this are different occasions (as succession/figures.py).
_OCCASION_S: Final = 3600.0
#: Fewer of the other accounts are never taken to be crowded (assumed: twice what was measured,
#: accounts/windows/crowded.py).
_LEAST_SHARE: Final = 0.02


@dataclass(frozen=True, slots=True)
class CustomersSize:
    """New crowded accounts that began together, and of how many new ones at all."""

    count: int = 0
    new: int = 0
    share: float = 0.0  # of the other accounts are crowded
    log_p: float = 0.0  # -ln p of such a count
    carried: int = 0  # accounts whose customers carried on under a new one
    occasions: int = 0  # ... and when, an hour apart


#: Of accounts that are not linked by their customers.
NO_CUSTOMERS: Final = CustomersSize()


@dataclass(frozen=True, slots=True)
class CrowdedAccounts:
    """Crowded accounts; masks of account slots, shape ``(capacity,)``."""

    crowded: Mask
    new: Mask  # of all accounts: first seen lately, in a log that was known
    first_seen: Seconds
    owner: OwnerNumbers
    predecessor: AccountSlots  # (pairs,), whose customers carried on ...
    successor: AccountSlots  # ... under this one
    days: float  # that the log was watched for new ones

    @classmethod
    def of(cls, graph: BipartiteGraph, snapshot: Snapshot, recency: Recency) -> CrowdedAccounts:
        """Find the crowded accounts of a graph."""
        known = snapshot.known
        crowded, new = np.zeros((2, len(snapshot.owner)), bool)
        begun = snapshot.at(np.flatnonzero(snapshot.kind == LinkKind.CUSTOMERS))
        crowded[snapshot.account[begun]] = True
        watched_s = min(snapshot.time - recency.origin - _TOGETHER_S, recency.settings.first_seen_s)
        predecessor, successor = np.zeros((2, 0), np.int64)
        if crowded.any():
            new[known] = recency.recently_first_seen(graph, known, snapshot.time) == 1
            predecessor, successor = _carried_on(graph, snapshot, crowded)
        return cls(
            crowded=crowded,
            new=new,
            first_seen=graph.accounts["first_seen"],
            owner=snapshot.owner,
            predecessor=predecessor,
            successor=successor,
            days=max(watched_s / _TOGETHER_S, 1.0),
        )

    def among(self, accounts: AccountSlots, *, share: float) -> CustomersSize:
        """Return how many of the accounts began together; ``share`` of the others are crowded.

        Successors of others did not begin together with them.
        """
        some = accounts[self.crowded[accounts] & self.new[accounts]]
        some = some[~np.isin(some, self.successor)]
        inside = np.isin(self.predecessor, accounts) & np.isin(self.successor, accounts)
        inside &= self.new[self.predecessor] & self.new[self.successor]
        began = np.sort(self.first_seen[ascending(self.successor[inside])])
        carried = {
            "carried": len(ascending(self.predecessor[inside])),
            "occasions": int(np.count_nonzero(np.diff(began, prepend=-np.inf) > _OCCASION_S)),
        }
        if not len(some):
            return CustomersSize(**carried)
        times = np.sort(self.first_seen[some])
        until = np.searchsorted(times, times + _TOGETHER_S, side="right")
        start = times[int(np.argmax(until - np.arange(len(times))))]
        count = self._owners(some, start)
        new = self._owners(np.flatnonzero(self.new), start)
        share = max(share, _LEAST_SHARE)
        log_p = Chance(new, share).log_p(count) - math.log(self.days)
        return CustomersSize(count, new, share, max(log_p, 0.0), **carried)

    def _owners(self, accounts: AccountSlots, start: float) -> int:
        """Return the owners of those accounts that began within a day of ``start``."""
        first_seen = self.first_seen[accounts]
        within = (first_seen >= start) & (first_seen <= start + _TOGETHER_S)
        return len(ascending(self.owner[accounts[within]]))


def _carried_on(graph: BipartiteGraph, snapshot: Snapshot, crowded: Mask) -> Array:
    """Return the accounts whose customers carried on, and under which, shape ``(2, pairs)``.

    The next user of an address is another account, which begins there when the one before has
    ended; and it began when that one had fallen silent as a whole.
    """
    at = snapshot.at_accounts(np.flatnonzero(crowded))
    at = at[snapshot.kind[snapshot.value[at]] == LinkKind.ADDRESS]
    edges, value, account = snapshot.edges[at], snapshot.value[at], snapshot.account[at]
    since, last = graph.edges["since"][edges], graph.edges["last"][edges]
    order = np.lexsort((graph.accounts["hash"][account], since, value))
    value, account, since, last = value[order], account[order], since[order], last[order]
    size = np.bincount(value, minlength=1)[value]
    following = (value[1:] == value[:-1]) & (size[1:] <= _MOST_ACCOUNTS) & (since[1:] > last[:-1])
    before, after = account[:-1][following], account[1:][following]
    gone = graph.accounts["traffic"]["seen"][before] <= graph.accounts["first_seen"][after]
    pair = before[gone] << 32 | after[gone]
    pair, addresses = np.unique(pair, return_counts=True)
    pair = pair[addresses >= _LEAST_ADDRESSES]
    return np.stack([pair >> 32, pair & 0xFFFFFFFF])
