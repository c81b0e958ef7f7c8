"""Phrase co-occurrence: accounts of different owners that share a rare phrase.

Two accounts with one rare phrase in common mean nothing, and the text of a tool is common to the
same accounts again and again. An operator that deals one list of items to many accounts cannot
avoid that each of them shares phrases with different accounts each time, whatever the wording
around the items. Measured over accounts, percentiles 50 / 95 / 99: benign 1 / 14 / 28, evasive
campaigns 75 to 301 / 124 to 368 / 146 to 397.

Weak ties (Granovetter, 1973) show it hours earlier: pairs that share few phrases, and only rare
ones. A class, a test or a tool brings the same accounts together again and again. What people
choose themselves has a heavy tail (the problems of a practice site): such accounts have weak ties,
too, but most of them in phrases that many accounts have. Percentiles 50 / 95 / 99 on the second day
of 2,000 evasive accounts, all of them counted in full: benign 0 / 3 / 7, those 8 / 22 / 32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.graph.colocation import co_located
from stream.campaigns.graph.components import components
from stream.campaigns.graph.cooccurrence import sharing_pairs
from stream.core.links import LinkKind

if TYPE_CHECKING:
    from stream.campaigns.graph.snapshot import Snapshot
    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.campaigns.types import SlotPairs
    from stream.core.batch import AccountSlots, Counts, Floats, Mask, ValueSlots

#: An account of that degree, with that many shared phrases, may be one of a campaign (measured:
#: above the benign 99th percentile of 28).
_MANY: Final = 48
_PHRASES: Final = 12
#: The same of weak ties (measured: above the benign 99th percentile of 7).
_MANY_WEAK_TIES: Final = 8
#: A weak tie is a pair with no more common phrases than this; one item may have two (phrases.py).
_WEAK: Final = 2
#: A phrase of at most this number of accounts is rare (assumed) ...
_RARE: Final = 6
#: ... and where a smaller part of an account's weak ties are in rare phrases, they count for less.
_RARE_SHARE: Final = 0.5
_KINDS: Final = (LinkKind.PHRASE,)


@dataclass(frozen=True, slots=True)
class PhraseCooccurrence:
    """Degrees of each account slot, shape ``(capacity,)``, and components of high degree."""

    degree: Counts  # accounts that share a phrase with it
    weak_ties: Floats
    co_located: Mask  # whether it also shares addresses with one of them
    components: list[AccountSlots]  # of accounts with a high degree or many weak ties
    co_located_components: list[AccountSlots]
    left: AccountSlots  # every pair that shares a phrase, once, shape (pairs,)
    right: AccountSlots

    @classmethod
    def of(cls, graph: BipartiteGraph, snapshot: Snapshot) -> PhraseCooccurrence:
        """Count each pair once, however many phrases it shares."""
        left, right, users = sharing_pairs(graph, snapshot, _KINDS, least=1)
        slots = len(snapshot.owner)
        pair, phrases, fewest = _distinct(left << 32 | right, users)
        left, right = pair >> 32, pair & 0xFFFFFFFF
        degree = _degree(left, right, slots)
        weak = phrases <= _WEAK
        weak_ties = _weak_ties(left[weak], right[weak], fewest[weak], slots)
        enough = _shared_phrases(snapshot, slots) >= _PHRASES
        many = (degree >= _MANY) & enough | (weak_ties >= _MANY_WEAK_TIES)
        both = many[left] & many[right]
        near = co_located(snapshot, left, right)
        return cls(
            degree=degree,
            weak_ties=weak_ties,
            co_located=_degree(left[near], right[near], slots) > 0,
            components=components(left[both], right[both], slots),
            co_located_components=components(left[near], right[near], slots),
            left=left,
            right=right,
        )

    def expected_colocation_rate(self, members: AccountSlots, known: int) -> float:
        """Return which part of the members would be co-located with another one by chance.

        If members shared phrases with each other no more often than with the other ``known``
        accounts: words and addresses are independent among unrelated accounts.
        """
        inside = np.zeros(len(self.degree), bool)
        inside[members] = True
        outside = np.count_nonzero(inside[self.left] != inside[self.right])
        each = outside / max(len(members) * (known - len(members)), 1)
        return float(-np.expm1(-each * (len(members) - 1)))


def phrases_of(snapshot: Snapshot, accounts: AccountSlots) -> ValueSlots:
    """Return the phrases that several of some accounts have, ascending."""
    value = snapshot.value[snapshot.at_accounts(accounts)]
    values, users = np.unique(value[np.isin(snapshot.kind[value], _KINDS)], return_counts=True)
    return np.asarray(values[users > 1])


def _distinct(pair: SlotPairs, users: Counts) -> tuple[SlotPairs, Counts, Counts]:
    """Return each pair once, the number of its phrases, and the users of its rarest phrase."""
    order = np.argsort(pair)
    pair, users = pair[order], users[order]
    at = np.flatnonzero(np.diff(pair, prepend=-1))
    fewest = np.minimum.reduceat(users, at) if len(at) else users
    return pair[at], np.diff(at, append=len(pair)), fewest


def _weak_ties(left: AccountSlots, right: AccountSlots, fewest: Counts, slots: int) -> Floats:
    """Return the weak ties of each account slot, discounted where most are in common phrases."""
    rare = fewest <= _RARE
    in_rare = _degree(left[rare], right[rare], slots)
    in_any = _degree(left, right, slots)
    return np.asarray(in_rare * np.minimum(in_rare / np.maximum(_RARE_SHARE * in_any, 1), 1))


def _degree(left: AccountSlots, right: AccountSlots, slots: int) -> Counts:
    return np.bincount(left, minlength=slots) + np.bincount(right, minlength=slots)


def _shared_phrases(snapshot: Snapshot, slots: int) -> Counts:
    shared = (snapshot.stop - snapshot.start > 1) & np.isin(snapshot.kind, _KINDS)
    return np.bincount(snapshot.account[shared[snapshot.value]], minlength=slots)
