"""A yes-or-no trait of all known accounts, as shares of their owners, with some left out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from stream.campaigns.types import OwnerNumbers
    from stream.core.batch import AccountSlots, Counts, Floats, Mask


@dataclass(frozen=True, slots=True)
class Trait:
    """Counts by account slot, shape ``(accounts,)``, and by owner, shape ``(owners,)``."""

    owner: OwnerNumbers
    known: Mask  # whether it is known if the account has the trait
    has: Mask
    known_of: Counts
    has_of: Counts
    shares: tuple[float, int]  # sum of the owners' shares, and owners with a known account

    @classmethod
    def of(cls, values: Floats, owner: OwnerNumbers, owners: int) -> Self:
        """Count ``values``: 1, 0 or NaN for each account slot, shape ``(accounts,)``."""
        known, has = ~np.isnan(values), values == 1
        known_of = np.bincount(owner[known], minlength=owners)
        has_of = np.bincount(owner[has], minlength=owners)
        return cls(owner, known, has, known_of, has_of, _shares(known_of, has_of))

    def with_others(self, others: Trait) -> Self:
        """Return the trait of these accounts and of ``others``, which are another graph's."""
        shares, known = self.shares
        return replace(self, shares=(shares + others.shares[0], known + others.shares[1]))

    def share(self, but: AccountSlots) -> float:
        """Return an owner's mean share of accounts with the trait, without the accounts ``but``.

        Drawn to one in ten while little is known (assumed).
        """
        owners, row = np.unique(self.owner[but], return_inverse=True)
        had = self.known_of[owners], self.has_of[owners]
        known = had[0] - np.bincount(row, self.known[but], len(owners))
        has = had[1] - np.bincount(row, self.has[but], len(owners))
        shares, count = self.shares
        had_shares, had_count = _shares(*had)
        left_shares, left_count = _shares(known, has)
        return (shares - had_shares + left_shares + 1) / (count - had_count + left_count + 10)


def _shares(known: Counts | Floats, has: Counts | Floats) -> tuple[float, int]:
    some = known > 0
    return float((has[some] / known[some]).sum()), int(np.count_nonzero(some))
