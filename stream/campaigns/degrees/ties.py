"""Ties: what the accounts of a cluster share with those of them that are certain.

An account is tied by a value to the certain accounts of other owners that have it, beyond those
that it would meet by chance. Decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from stream.core.links import GIVEN, LinkKind, of_kinds

if TYPE_CHECKING:
    from stream.campaigns.graph.snapshot import Snapshot
    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.campaigns.types import Kinds
    from stream.core.batch import AccountSlots, Counts, Floats, Mask, Positions, Seconds

#: Kinds that any sender of text can bring about: they count once, however many.
TEXT: Final = (LinkKind.SYSTEM_PROMPT, LinkKind.TEMPLATE, LinkKind.PHRASE)
#: Kinds that belong to the owner: accounts of one payment have one owner.
OWNED: Final = (LinkKind.PAYMENT,)
#: Kinds that an account has by how it began: with that alone it is not certain.
BEGUN: Final = (LinkKind.CUSTOMERS,)
#: Sums are rounded so: they must not depend on the order of accounts in memory.
DIGITS: Final = 6


@dataclass(frozen=True)
class Ties:
    """The edges of n accounts to shared values, shape ``(edges,)``, and what else they are for."""

    accounts: int
    known: int  # accounts in the whole graph
    row: Positions  # account of each edge, 0 to n
    column: Positions  # value of each edge, from 0
    pair: Positions  # value and owner of each edge, from 0
    kind: Kinds  # of each edge
    size: Counts  # accounts of its value, in the whole graph
    first: Mask  # whether it is the first use of its value by any of the n accounts
    own: Mask  # whether it ties its account: not where others continue what the account was given

    @classmethod
    def of(cls, graph: BipartiteGraph, snapshot: Snapshot, accounts: AccountSlots) -> Self:
        """Return the edges of accounts (slots, ascending)."""
        size = snapshot.stop - snapshot.start
        at = snapshot.at_accounts(accounts)
        at = at[size[snapshot.value[at]] > 1]
        value, account = snapshot.value[at], snapshot.account[at]
        _, column = np.unique(value, return_inverse=True)
        owners, owner = np.unique(snapshot.owner[account], return_inverse=True)
        _, pair = np.unique(column * max(len(owners), 1) + owner, return_inverse=True)
        return cls(
            accounts=len(accounts),
            known=len(snapshot.known),
            row=np.searchsorted(accounts, account),
            column=column,
            pair=pair,
            kind=snapshot.kind[value],
            size=size[value],
            first=_first(column, graph.edges["since"][snapshot.edges[at]]),
            own=graph.edges["requests"][snapshot.edges[at]] < GIVEN,
        )

    @cached_property
    def is_text(self) -> Mask:
        """Return which edges are of text, shape ``(e,)``."""
        return of_kinds(self.kind, TEXT)

    @cached_property
    def is_owned(self) -> Mask:
        """Return which edges are of a value that belongs to an owner, shape ``(e,)``."""
        return of_kinds(self.kind, OWNED)

    def common(self, certain: Mask) -> Floats:
        """Return the certain accounts of other owners that each edge meets beyond chance, ``(e,)``.

        By chance a user of a value is one of them as often as any account is.
        """
        met = self._met(certain)
        chance = np.count_nonzero(certain) / max(self.known, 1)
        return np.maximum(met - chance * (self.size - 1), 0.0)

    def strength(self, common: Floats, which: Mask) -> Floats:
        """Return how strongly some edges tie each account, in values, shape ``(n,)``."""
        which = which & self.own
        tied = np.log2(1 + common[which]) / self._most[which]
        return np.round(np.bincount(self.row[which], tied, self.accounts), DIGITS)

    def values(self, common: Floats, which: Mask) -> Counts:
        """Return by how many different values each account is tied, of some edges; ``(n,)``."""
        return np.bincount(self.row[which & (common > 0)], minlength=self.accounts)

    def kinds(self, common: Floats) -> Counts:
        """Return a bit for each LinkKind by which an account is tied, shape ``(n,)``, u4."""
        bits = np.zeros(self.accounts, np.uint32)
        tied = (common > 0) & self.own
        np.bitwise_or.at(bits, self.row[tied], np.uint32(1) << self.kind[tied].astype(np.uint32))
        return bits

    def first_uses(self, certain: Mask, which: Mask) -> tuple[Counts, Counts, Floats]:
        """Return values that each account has in common with certain ones, and how many of them
        it used before them all; and the share that a certain one uses first; ``(n,)`` each.
        """  # noqa: D205 - one sentence
        met = self._met(certain)
        shared = which & (met > 0)
        row = self.row[shared]
        count = np.bincount(row, minlength=self.accounts)
        first = np.bincount(row, self.first[shared], self.accounts)
        expected = np.bincount(row, 1 / (1 + met[shared]), self.accounts)
        return count, first, expected / np.maximum(count, 1)

    @cached_property
    def _most(self) -> Floats:
        """Return what a use of each edge's value would count for with all of its accounts."""
        return np.asarray(np.log2(2.0 + self.size))

    def _met(self, certain: Mask) -> Floats:
        weight = certain[self.row].astype(np.float64)
        users = np.bincount(self.column, weight)[self.column] if len(weight) else weight
        own = np.bincount(self.pair, weight)[self.pair] if len(weight) else weight
        return np.asarray(users - np.where(self.is_owned, weight, own))


def strength(common: Floats, size: Counts) -> Floats:
    """Return what each use of a value that ``size`` accounts have counts for: 1 at most.

    It is 1 where all of them are ``common`` ones, so that one value of many accounts does not
    outweigh several different values; it is less where only some of them are (weights as in
    FRAUDAR).
    """
    return np.asarray(np.log2(1 + common) / np.log2(2.0 + size))


def _first(column: Positions, since: Seconds) -> Mask:
    """Return whether an edge is the only first one of its value, by time; ``(edges,)``."""
    order = np.lexsort((since, column))
    start = np.flatnonzero(np.diff(column[order], prepend=-1))
    first = np.zeros(len(column), bool)
    if len(start):
        following = np.minimum(start + 1, len(order) - 1)
        alone = (column[order[following]] != column[order[start]]) | (following == start)
        earlier = since[order[start]] < since[order[following]]
        first[order[start[alone | earlier]]] = True
    return first
