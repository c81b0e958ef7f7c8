"""A yes-or-no trait of all known accounts, as shares of their owners, without any of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from stream.core.batch import Array


@dataclass(frozen=True, slots=True)
class Trait:
    """Counts by account slot, shape ``(accounts,)``, and by owner, shape ``(owners,)``."""

    owner: Array
    known: Array  # of each account slot: whether it is known to have the trait or not
    has: Array
    known_of: Array
    has_of: Array
    shares: tuple[float, int]  # sum of the owners' shares, and owners that something is known of

    @classmethod
    def of(cls, values: Array, owner: Array, owners: int) -> Self:
        """Count ``values``: of each account slot 1, 0 or NaN, shape ``(accounts,)``."""
        known, has = ~np.isnan(values), values == 1
        known_of = np.bincount(owner[known], minlength=owners)
        has_of = np.bincount(owner[has], minlength=owners)
        return cls(owner, known, has, known_of, has_of, _shares(known_of, has_of))

    def among(self, others: Trait) -> Self:
        """Return these accounts as some of many, ``others`` of another table being the rest."""
        shares, known = self.shares
        return replace(self, shares=(shares + others.shares[0], known + others.shares[1]))

    def share(self, but: Array) -> float:
        """Return an owner's mean share of accounts with the trait, without the accounts ``but``.

        Drawn to one in ten while little is known, as the next one.
        """
        owners, row = np.unique(self.owner[but], return_inverse=True)
        had = self.known_of[owners], self.has_of[owners]
        known = had[0] - np.bincount(row, self.known[but], len(owners))
        has = had[1] - np.bincount(row, self.has[but], len(owners))
        shares, count = self.shares
        had_shares, had_count = _shares(*had)
        left_shares, left_count = _shares(known, has)
        return (shares - had_shares + left_shares + 1) / (count - had_count + left_count + 10)


def _shares(known: Array, has: Array) -> tuple[float, int]:
    some = known > 0
    return float((has[some] / known[some]).sum()), int(np.count_nonzero(some))
