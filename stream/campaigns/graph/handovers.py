"""Conversation hand-overs: accounts that continue the conversations of other owners' accounts.

A conversation is known by its first question and first answer, which only the gateway's own answer
gave, and links an account only if the account itself continued what another one was given
(stream/accounts/windows/questions.py). So the requests of others never make an account one that
takes over: an account that replays another one's conversations links itself. Where the log has the
answers, a conversation counts only if the gateway gave that answer to some account of the log.
Where it has none, examples in front of a prompt look like an earlier turn: it takes many more.

One conversation handed over means little (a shared chat), and so do many with one other account (a
customer's two keys). An operator that deals the requests of other people over its accounts cannot
avoid that each of them continues many conversations of many others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.graph.components import components
from stream.campaigns.graph.cooccurrence import pairs_of
from stream.core.events import ANSWERS_LOGGED
from stream.core.links import CONVERSATIONS_A_DAY, GIVEN, SPREAD, LinkKind
from stream.store.order import ascending

if TYPE_CHECKING:
    from stream.campaigns.graph.snapshot import Snapshot
    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.core.batch import (
        AccountSlots,
        Array,
        Counts,
        EdgeSlots,
        Floats,
        Mask,
        Positions,
        ValueSlots,
    )

#: A conversation is handed over while it is in progress: from its first to its last use in the
#: log there is no more than this. If it is used for longer, it is the examples of a prompt
#: (assumed).
_IN_PROGRESS_S: Final = 12 * 3600.0
#: The same if one account used it more often than this (assumed).
_MOST_REQUESTS: Final = 64
#: Without answers in the log, the same if more accounts have it than this (assumed: most
#: conversations have fewer turns; widespread examples have more users).
_MOST_UNLOGGED: Final = 12
#: Hand-overs count for this long.
_RECENT_S: Final = 86400.0
#: An account takes over when it continued as many different conversations, shared with as many
#: different others ... (assumed: two people may exchange chats, and short-lived keys of one
#: person follow one another: each shares with two)
LEAST_CONVERSATIONS: Final = 2
_LEAST_OTHERS: Final = 3
#: ... in this part of its requests of a day (assumed: people who exchange chats have more of their
#: own; of a router's requests with context 74 to 88 % belong to no conversation of the account,
#: measured on a router of 200 accounts).
_LEAST_SHARE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Handovers:
    """Conversations handed over; of each account slot and value slot, shape ``(capacity,)``."""

    takes_over: Mask  # accounts
    others: Counts  # of each account, with which it shares conversations
    components: list[AccountSlots]  # of accounts that take over
    value: ValueSlots  # of each edge of a conversation that counts, ascending
    account: AccountSlots  # ... its account
    taken: Mask  # ... whether the account took it over, rather than was given the answer
    same: Array  # of each value: equal where the same accounts have it, u8
    logged: Mask  # of each value: whether answers are in the log

    @classmethod
    def of(cls, graph: BipartiteGraph, snapshot: Snapshot) -> Handovers:
        """Find the conversations that several accounts have, and the accounts that take over."""
        at = _counting(graph, snapshot)
        value, account, edges = snapshot.value[at], snapshot.account[at], snapshot.edges[at]
        taken = graph.edges["requests"][edges] < GIVEN
        slots = len(snapshot.owner)
        left, right, _ = pairs_of(graph, snapshot, value, account)
        pair = ascending(left << 32 | right)
        left, right = pair >> 32, pair & 0xFFFFFFFF
        others = np.bincount(left, minlength=slots) + np.bincount(right, minlength=slots)
        same = np.zeros(len(snapshot.kind), np.uint64)
        hashes = graph.accounts["hash"].astype(np.uint64) + np.uint64(1)
        np.add.at(same, value, hashes[account] * SPREAD)
        different = _different(same[value[taken]], account[taken], slots)
        takes_over = (different >= LEAST_CONVERSATIONS) & (others >= _LEAST_OTHERS)
        takes_over &= _share(graph, edges[taken], account[taken]) >= _LEAST_SHARE
        both = takes_over[left] & takes_over[right]
        return cls(
            takes_over=takes_over,
            others=others,
            components=components(left[both], right[both], slots),
            value=value,
            account=account,
            taken=taken,
            same=same,
            logged=is_logged(graph, np.arange(len(same))),
        )

    def among(self, accounts: AccountSlots) -> ValueSlots:
        """Return the conversations that some of the accounts handed to others, ascending."""
        inside = np.zeros(len(self.takes_over), bool)
        inside[accounts] = True
        within = inside[self.account]
        values, count = np.unique(self.value[within], return_counts=True)
        return np.asarray(values[count > 1])

    def different_among(self, accounts: AccountSlots, *, logged: bool) -> int:
        """Return how many different ones that are; those of the same accounts are one.

        Of requests whose answers are in the log, or of the others.
        """
        values = self.among(accounts)
        return len(ascending(self.same[values[self.logged[values] == logged]]))

    def taken_of(self, values: ValueSlots, accounts: AccountSlots) -> Counts:
        """Return how many of some conversations each of some accounts (ascending) took over."""
        wanted = np.zeros(len(self.same), bool)
        wanted[values] = True
        count = np.bincount(
            self.account[self.taken & wanted[self.value]], minlength=len(self.takes_over)
        )
        return np.asarray(count[accounts])


def _counting(graph: BipartiteGraph, snapshot: Snapshot) -> Positions:
    """Return the edges of conversations that were handed over lately, by value."""
    size = snapshot.stop - snapshot.start
    shared = (size > 1) & (snapshot.kind == LinkKind.CONVERSATION)
    at = np.flatnonzero(shared[snapshot.value])
    edges, value = snapshot.edges[at], snapshot.value[at]
    requests = graph.edges["requests"][edges]
    owner = snapshot.owner[snapshot.account[at]]
    slots = len(snapshot.kind)
    first, last = np.full(slots, np.inf), np.full(slots, -np.inf)
    least, most = np.full(slots, np.iinfo(np.int64).max), np.full(slots, -1)
    np.minimum.at(first, value, graph.edges["since"][edges])
    np.maximum.at(last, value, graph.edges["last"][edges])
    np.minimum.at(least, value, owner)
    np.maximum.at(most, value, owner)
    counts = (last - first <= _IN_PROGRESS_S) & (last >= snapshot.time - _RECENT_S)
    counts &= least != most
    counts[value[requests % GIVEN > _MOST_REQUESTS]] = False
    given, taken = np.zeros((2, slots), bool)
    given[value[requests >= GIVEN]] = True
    taken[value[requests < GIVEN]] = True
    logged = is_logged(graph, np.arange(slots))
    counts &= taken & np.where(logged, given, size <= _MOST_UNLOGGED)
    return np.asarray(at[counts[value]])


def is_logged(graph: BipartiteGraph, values: ValueSlots) -> Mask:
    """Return which conversations are of requests whose answers are in the log, ``(n,)``."""
    return np.asarray((graph.values["value"][values] & ANSWERS_LOGGED) != 0)


def _different(same: Array, account: AccountSlots, slots: int) -> Counts:
    """Return how many different conversations each account took over, shape ``(slots,)``."""
    order = np.lexsort((same, account))
    same, account = same[order], account[order]
    new = np.ones(len(account), bool)
    new[1:] = (account[1:] != account[:-1]) | (same[1:] != same[:-1])
    return np.bincount(account[new], minlength=slots)


def _share(graph: BipartiteGraph, edges: EdgeSlots, account: AccountSlots) -> Floats:
    """Return which part of each account's sampled requests of a day took over, ``(slots,)``."""
    day = np.minimum(graph.accounts["day_requests"], CONVERSATIONS_A_DAY)
    taken = np.bincount(account, graph.edges["requests"][edges], len(day))
    return np.asarray(taken / np.maximum(day, 1))
