"""Accounts that draw from one pool of exits: each shares several rare networks with others.

A rare network that two accounts share means little: a home, an office. Accounts whose requests are
dealt over a pool of other people's homes share several, with different accounts each time. Networks
of a campus, a mobile operator, a VPN company or a cloud are not rare: many accounts call from them,
and together when a course or a release begins. Scores none.

Measured on the benchmark's quick set without text, accounts with three rare networks: of 250 of a
hydra 108 after 12 hours and 217 after 24, of 600 benign accounts 8 (build runners and services that
move).
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

#: Networks that an account of a pool shares with others. Assumed: people have a home and an office.
_SEVERAL: Final = 3
#: A network of at most this number of accounts is rare. Assumed; the links stage sends members up
#: to campaigns.high_prevalence_networks, twice as many, so that others are known not to be rare.
_RARE: Final = 8
#: Rounds of taking out accounts that share fewer by now. Assumed: what is left after these is
#: scored anyway.
_ROUNDS: Final = 20


def sharing_rare_networks(snapshot: Snapshot) -> list[AccountSlots]:
    """Return the components of accounts that share several rare networks with others of them.

    The core of the graph of accounts and networks (Seidman, 1983): accounts with fewer than
    :data:`_SEVERAL` networks that another owner uses are taken out, until none has fewer.
    """
    at = np.flatnonzero(_rare(snapshot)[snapshot.value])
    value, account = snapshot.value[at], snapshot.account[at]
    for _ in range(_ROUNDS):
        shared = _of_several_owners(snapshot, value, account)
        degree = np.bincount(account[shared], minlength=len(snapshot.owner))
        kept = shared & (degree[account] >= _SEVERAL)
        if kept.all():
            break
        value, account = value[kept], account[kept]
    if not len(value):
        return []
    # Edges are sorted by value: each account of a network is connected to its first.
    first = account[np.searchsorted(value, value)]
    return components(first, account, len(snapshot.owner))


def networks_of(snapshot: Snapshot, accounts: AccountSlots) -> ValueSlots:
    """Return the rare networks that several owners among the accounts use."""
    value, account = _edges(snapshot, accounts)
    return ascending(value[_of_several_owners(snapshot, value, account)])


def shared_networks(snapshot: Snapshot, accounts: AccountSlots) -> Counts:
    """Return how many rare networks each account shares with others of other owners, ``(n,)``.

    ``accounts`` (n,) ascending.
    """
    value, account = _edges(snapshot, accounts)
    shared = account[_of_several_owners(snapshot, value, account)]
    return np.bincount(np.searchsorted(accounts, shared), minlength=len(accounts))


def _rare(snapshot: Snapshot) -> Mask:
    """Return which value slots are rare networks, shape ``(value capacity,)``."""
    rare = snapshot.stop - snapshot.start <= _RARE
    return np.asarray(rare & (snapshot.kind == LinkKind.NETWORK))


def _edges(snapshot: Snapshot, accounts: AccountSlots) -> tuple[ValueSlots, AccountSlots]:
    at = np.sort(snapshot.at_accounts(accounts))  # by value
    at = at[_rare(snapshot)[snapshot.value[at]]]
    return snapshot.value[at], snapshot.account[at]


def _of_several_owners(snapshot: Snapshot, value: ValueSlots, account: AccountSlots) -> Mask:
    """Return which edges, sorted by value, are of networks that several owners use."""
    owner = snapshot.owner[account]
    first = np.searchsorted(value, value)
    other = owner != owner[first]
    mixed = np.zeros(len(snapshot.kind), bool)
    mixed[value[other]] = True
    return np.asarray(mixed[value])
