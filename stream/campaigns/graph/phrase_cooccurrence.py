"""Acquaintances: accounts of different owners that asked the same, by rare phrases.

Two accounts with a rare phrase in common mean nothing, and a tool's text is common to the same
accounts again and again. Whoever deals one list of items to many accounts cannot avoid that each
of them meets ever other ones, in ever other phrases, whatever the wording around the items.
Measured over accounts, percentiles 50 / 95 / 99: benign 1 / 14 / 28, evasive campaigns
75 to 301 / 124 to 368 / 146 to 397.

Strangers tell it hours earlier: acquaintances met hardly ever, in phrases that few have. A class, a
test or a tool meets the same accounts again and again. What people choose has a heavy tail (the
problems of a site for practice): they meet strangers too, but most of them in what many ask.
Percentiles 50 / 95 / 99 on the second day of 2,000 evasive accounts, all of them counted in full:
benign 0 / 3 / 7, of those 8 / 22 / 32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.graph.colocation import companions
from stream.campaigns.graph.components import components
from stream.campaigns.graph.cooccurrence import pairs
from stream.core.links import LinkKind

if TYPE_CHECKING:
    from stream.campaigns.graph.snapshot import Snapshot
    from stream.campaigns.links.edges import EdgeTable
    from stream.core.batch import Array

#: Whoever has met so many others, in so many phrases, may be one of a campaign.
_MANY: Final = 48
_PHRASES: Final = 12
#: The same of whoever has so many strangers.
_MANY_STRANGERS: Final = 8
#: Who met in no more phrases are strangers still; an item may have two.
_HARDLY: Final = 2
#: A phrase of so many accounts is one that few have ...
_FEW: Final = 6
#: ... and where a smaller part of an account's strangers are of such, they count for less.
_EVEN: Final = 0.5
_KINDS: Final = (LinkKind.PHRASE,)


@dataclass(frozen=True, slots=True)
class PhraseCooccurrence:
    """How many others each account slot has met, and those who have met many, in connected sets."""

    count: Array  # shape (capacity,)
    strangers: Array  # of them those that one list of items makes, shape (capacity,)
    accompanied: Array  # whether one of them is a companion, shape (capacity,)
    cores: list[Array]
    near: list[Array]  # connected sets of companions
    left: Array  # every pair that has met, once, shape (pairs,)
    right: Array

    @classmethod
    def of(cls, table: EdgeTable, snapshot: Snapshot) -> PhraseCooccurrence:
        """Count them, each pair once however often it has met."""
        left, right, having = pairs(table, snapshot, _KINDS, least=1)
        slots = len(snapshot.owner)
        met, times, least = _met(left << 32 | right, having)
        left, right = met >> 32, met & 0xFFFFFFFF
        count = _partners(left, right, slots)
        hardly = times <= _HARDLY
        strangers = _strangers(left[hardly], right[hardly], least[hardly], slots)
        phrases = _shared_phrases(snapshot, slots)
        many = (count >= _MANY) & (phrases >= _PHRASES) | (strangers >= _MANY_STRANGERS)
        both = many[left] & many[right]
        near = companions(snapshot, left, right)
        return cls(
            count,
            strangers,
            _partners(left[near], right[near], slots) > 0,
            components(left[both], right[both], slots),
            components(left[near], right[near], slots),
            left,
            right,
        )

    def usually_accompanied(self, members: Array, known: int) -> float:
        """Return which part of members (slots) would have a companion among them by chance.

        Were the others among ``known`` accounts met as often as those: words and places are
        independent among strangers.
        """
        inside = np.zeros(len(self.count), bool)
        inside[members] = True
        outside = np.count_nonzero(inside[self.left] != inside[self.right])
        each = outside / max(len(members) * (known - len(members)), 1)
        return float(-np.expm1(-each * (len(members) - 1)))


def _met(pair: Array, having: Array) -> tuple[Array, Array, Array]:
    """Return each pair once, how often it met, and in a phrase of how few accounts."""
    order = np.argsort(pair)
    pair, having = pair[order], having[order]
    at = np.flatnonzero(np.diff(pair, prepend=-1))
    least = np.minimum.reduceat(having, at) if len(at) else having
    return pair[at], np.diff(at, append=len(pair)), least


def _strangers(left: Array, right: Array, least: Array, slots: int) -> Array:
    """Return the strangers of each account slot among pairs that hardly met."""
    few = least <= _FEW
    dealt = _partners(left[few], right[few], slots)
    anywhere = _partners(left, right, slots)
    return np.asarray(dealt * np.minimum(dealt / np.maximum(_EVEN * anywhere, 1), 1))


def _partners(left: Array, right: Array, slots: int) -> Array:
    return np.bincount(left, minlength=slots) + np.bincount(right, minlength=slots)


def phrases_of(snapshot: Snapshot, core: Array) -> Array:
    """Return the phrases (value slots) that several accounts of a core have, ascending."""
    value = snapshot.value[snapshot.at_accounts(core)]
    values, users = np.unique(value[np.isin(snapshot.kind[value], _KINDS)], return_counts=True)
    return np.asarray(values[users > 1])


def _shared_phrases(snapshot: Snapshot, slots: int) -> Array:
    shared = (snapshot.stop - snapshot.start > 1) & np.isin(snapshot.kind, _KINDS)
    return np.bincount(snapshot.account[shared[snapshot.value]], minlength=slots)
