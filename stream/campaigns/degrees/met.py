"""How strongly every account is tied to any others: what benign accounts look like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from stream.campaigns.degrees.likelihood import counted
from stream.campaigns.degrees.ties import DIGITS, TEXT, strength
from stream.core.links import of_kinds

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

        text = of_kinds(kind, TEXT)
        others = np.flatnonzero(np.bincount(kind[~text])).tolist()
        return cls(met(text), {one: met(kind == one) for one in others})

    def text_counts(self, accounts: AccountSlots) -> Floats:
        """Return those accounts that share any text at all, :func:`counted` by their steps."""
        met = self.text[accounts]
        return counted(steps(met[met > 0]), STEPS)

    def kind_counts(self, accounts: AccountSlots) -> dict[int, Floats]:
        """Return accounts by each kind of value that is not text, :func:`counted`."""
        return {kind: counted(steps(met[accounts]), STEPS) for kind, met in self.by_kind.items()}


def steps(met: Floats) -> Positions:
    """Return strengths as steps of a scale of :data:`STEPS`."""
    return np.minimum((_A_DOUBLING * np.log2(1 + met)).astype(np.int64), STEPS - 1)
