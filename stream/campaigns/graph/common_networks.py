"""Accounts that draw from one pool of exits: each shares many networks with others of the group.

A network that two accounts share means little: a home, an office, a mobile operator. Accounts whose
requests are dealt over one pool of exits share many, with different accounts each time. Scores
none: customers of a VPN and build runners of one cloud do the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.graph.components import components
from stream.core.links import LinkKind
from stream.store.order import ascending

if TYPE_CHECKING:
    from stream.campaigns.graph.snapshot import Snapshot
    from stream.core.batch import AccountSlots, Counts, Mask, ValueSlots

#: Networks that an account of a pool shares with others. Assumed: people have a home, an office and
#: a mobile operator.
_MANY: Final = 4
#: Rounds of taking out accounts that share fewer by now. Assumed: what is left after these is
#: scored anyway.
_ROUNDS: Final = 20


def sharing_many_networks(snapshot: Snapshot) -> list[AccountSlots]:
    """Return the components of accounts that share many networks with others of the component.

    The core of the graph of accounts and networks (Seidman, 1983): accounts with fewer than
    :data:`_MANY` networks that another owner uses are taken out, until none has fewer.
    """
    at = np.flatnonzero(snapshot.kind[snapshot.value] == LinkKind.NETWORK)
    value, account = snapshot.value[at], snapshot.account[at]
    for _ in range(_ROUNDS):
        shared = _of_several_owners(snapshot, value, account)
        degree = np.bincount(account[shared], minlength=len(snapshot.owner))
        kept = shared & (degree[account] >= _MANY)
        if kept.all():
            break
        value, account = value[kept], account[kept]
    if not len(value):
        return []
    # Edges are sorted by value: each account of a network is connected to its first.
    first = account[np.searchsorted(value, value)]
    return components(first, account, len(snapshot.owner))


def networks_of(snapshot: Snapshot, accounts: AccountSlots) -> ValueSlots:
    """Return the networks that several owners among the accounts use."""
    value, account = _edges(snapshot, accounts)
    return ascending(value[_of_several_owners(snapshot, value, account)])


def shared_networks(snapshot: Snapshot, accounts: AccountSlots) -> Counts:
    """Return how many networks each account shares with others of other owners, ``(n,)``.

    ``accounts`` (n,) ascending.
    """
    value, account = _edges(snapshot, accounts)
    shared = account[_of_several_owners(snapshot, value, account)]
    return np.bincount(np.searchsorted(accounts, shared), minlength=len(accounts))


def _edges(snapshot: Snapshot, accounts: AccountSlots) -> tuple[ValueSlots, AccountSlots]:
    at = np.sort(snapshot.at_accounts(accounts))  # by value
    at = at[snapshot.kind[snapshot.value[at]] == LinkKind.NETWORK]
    return snapshot.value[at], snapshot.account[at]


def _of_several_owners(snapshot: Snapshot, value: ValueSlots, account: AccountSlots) -> Mask:
    """Return which edges, sorted by value, are of networks that several owners use."""
    owner = snapshot.owner[account]
    first = np.searchsorted(value, value)
    other = owner != owner[first]
    mixed = np.zeros(len(snapshot.kind), bool)
    mixed[value[other]] = True
    return np.asarray(mixed[value])
