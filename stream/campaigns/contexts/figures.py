"""How many accounts of a cluster take contexts over, and what chance gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from stream.campaigns.contexts.chance import expected, strongest, takes_over
from stream.store.order import ascending

if TYPE_CHECKING:
    from stream.campaigns.contexts.chance import ContextSize
    from stream.campaigns.types import OwnerNumbers
    from stream.core.batch import AccountSlots, Counts


@dataclass(frozen=True, slots=True)
class ContextFigures:
    """Accounts of the graph (slots), and the others that each has met on either side; ``(n,)``."""

    accounts: AccountSlots
    before: Counts
    after: Counts
    expected: tuple[float, ...]  # that take over by chance at each level, of all that are known

    @classmethod
    def none(cls) -> Self:
        """Return the figures of no accounts."""
        no = np.zeros(0, np.int64)
        return cls(no, no, no, expected(no, no))

    def among(self, accounts: AccountSlots, owner: OwnerNumbers, *, linked: bool) -> ContextSize:
        """Return how many owners among ``accounts`` take over.

        Accounts that are ``linked`` by it were chosen among all, so chance is that of all.
        """
        inside = np.isin(self.accounts, accounts)
        before, after = self.before[inside], self.after[inside]
        owners = owner[self.accounts[inside]]
        counts = [len(ascending(owners[which])) for which in takes_over(before, after)]
        chance = self.expected if linked else expected(before, after)
        return strongest(np.array(counts), chance)
