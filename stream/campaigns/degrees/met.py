"""How strongly every account is tied to any others: what benign accounts look like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from stream.campaigns.degrees.ties import DIGITS, TEXT, strength

if TYPE_CHECKING:
    from stream.campaigns.graph.snapshot import Snapshot
    from stream.core.batch import AccountSlots, Floats, Mask, Positions

#: Two steps for each doubling of values.
_A_DOUBLING: Final = 2.0
STEPS: Final = 21


@dataclass(frozen=True, slots=True)
class Met:
    """How strongly each account slot is tied to anybody, in values (ties.py); ``(capacity,)``."""

    text: Floats
    by_kind: dict[int, Floats]  # of the kinds that are not text

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        """Count over the whole graph."""
        size = (snapshot.stop - snapshot.start)[snapshot.value]
        kind, slots = snapshot.kind[snapshot.value], len(snapshot.owner)

        def met(which: Mask) -> Floats:
            tied = strength(size[which] - 1.0, size[which])
            return np.round(np.bincount(snapshot.account[which], tied, slots), DIGITS)

        text, others = np.isin(kind, TEXT), np.unique(kind[~np.isin(kind, TEXT)])
        return cls(met(text), {one: met(kind == one) for one in others.tolist()})

    def text_steps(self, accounts: AccountSlots) -> Positions:
        """Return the steps of those accounts that share any text at all."""
        met = self.text[accounts]
        return steps(met[met > 0])

    def kind_steps(self, kind: int, accounts: AccountSlots) -> Positions:
        """Return the steps of accounts by one kind of value."""
        return steps(self.by_kind[kind][accounts])


def steps(met: Floats) -> Positions:
    """Return strengths as steps of a scale of :data:`STEPS`."""
    return np.minimum((_A_DOUBLING * np.log2(1 + met)).astype(np.int64), STEPS - 1)
