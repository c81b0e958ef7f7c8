"""The owner of each account: what accounts of one owner share among themselves links none of them.

The first of these that is known is the owner: the organization that the gateway logs; a payment
that pays for several accounts; a *site* (one address, or a few that the same accounts use) that
most of an account's requests come from; else the account itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.sparse import coo_array

from stream.campaigns.graph.components import component_of
from stream.core.links import LinkKind
from stream.store.order import ascending

if TYPE_CHECKING:
    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.campaigns.types import OwnerNumbers
    from stream.core.batch import AccountSlots, EdgeSlots, Positions, ValueSlots

#: From this share of an account's requests of a day on, it sits at a site (assumed: most of them).
_SITE_SHARE: Final = 0.5
#: Egress addresses of one site at most; an account with more roams, or uses a pool of proxies
#: (assumed).
_MOST_ADDRESSES: Final = 8
#: Two addresses have the same accounts from this Jaccard index on (assumed).
_SAME_SITE: Final = 0.5
#: An organization of at least this share of the accounts, of at least that number, distinguishes
#: none of them: it is the gateway's default, or the organization that runs the gateway (assumed).
_DEFAULT_SHARE: Final = 0.95
_DEFAULT_ACCOUNTS: Final = 50


def owners(graph: BipartiteGraph, edges: EdgeSlots, payment: ValueSlots) -> OwnerNumbers:
    """Return the owner of each account slot, shape ``(accounts,)``, i8; equal ones are one owner.

    ``edges`` are all edge slots, ``payment`` is each account's shared payment (value slot,
    else -1). Owners are value slots, or accounts behind all value slots.
    """
    accounts, values = len(graph.accounts.used), len(graph.values.used)
    owner = np.arange(accounts) + values
    at_site, site = _site(graph, edges)
    owner[at_site] = site
    owner = np.where(payment >= 0, payment, owner)
    members, first = _organizations(graph)
    owner[members] = values + first
    return owner


def _organizations(graph: BipartiteGraph) -> tuple[AccountSlots, AccountSlots]:
    """Return the accounts with an organization, and its first account for each."""
    known = graph.accounts.in_use
    members = known[graph.accounts["organization"][known] != 0]
    _, first, row, size = np.unique(
        graph.accounts["organization"][members],
        return_index=True,
        return_inverse=True,
        return_counts=True,
    )
    default = (size >= _DEFAULT_SHARE * len(known)) & (len(known) >= _DEFAULT_ACCOUNTS)
    owned = ~default[row]
    return members[owned], members[first][row[owned]]


def _site(graph: BipartiteGraph, edges: EdgeSlots) -> tuple[AccountSlots, ValueSlots]:
    """Return the accounts that sit at a site, and an address that stands for the site."""
    value, account = graph.edges["value"][edges], graph.edges["account"][edges]
    shared = (graph.values["kind"][value] == LinkKind.ADDRESS) & (graph.values["size"][value] > 1)
    shared[shared] = np.bincount(account[shared])[account[shared]] <= _MOST_ADDRESSES
    edges, value, account = edges[shared], value[shared], account[shared]
    if not len(edges):
        return account, value
    addresses, column = np.unique(value, return_inverse=True)
    site = _sites(column, account, len(addresses))[column]
    pair, row = np.unique(np.stack([account, site]), axis=1, return_inverse=True)
    requests = np.bincount(row, graph.edges["requests"][edges])
    last = np.full(pair.shape[1], -np.inf)
    np.maximum.at(last, row, graph.edges["last"][edges])
    sits = requests >= _SITE_SHARE * np.maximum(graph.accounts["day_requests"][pair[0]], 1)
    who, where, last = pair[0][sits], addresses[pair[1][sits]], last[sits]
    order = np.lexsort((graph.values["value"][where], last))
    latest = np.full(len(graph.accounts.used), -1)
    latest[who[order]] = where[order]
    who = ascending(who)
    return who, latest[who]


def _sites(column: Positions, account: AccountSlots, count: int) -> Positions:
    """Return the address that stands for the site of each of ``count`` addresses.

    Edges are given as address (``column``) and ``account``, each pair once. A few addresses whose
    accounts use no others are one site from the first request on; where an account links them to
    others (it roams), addresses with the same accounts are one site.
    """
    uses = coo_array((np.ones(len(column), np.int64), (column, account))).tocsr()
    both = (uses @ uses.T).tocoo()
    left, right = both.coords
    size = np.bincount(column, minlength=count)
    same = both.data / (size[left] + size[right] - both.data) >= _SAME_SITE  # Jaccard index
    site = np.arange(count)
    for joined in (same, np.ones(len(left), bool)):
        label = component_of(left[joined], right[joined], count)
        few = np.bincount(label, minlength=count)[label] <= _MOST_ADDRESSES
        site = np.where(few, label, site)
    return site
