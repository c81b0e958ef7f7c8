"""Which accounts use what other operators reported, and how sure those operators are.

Such a link counts for a day after the last request that matched: an indicator that has expired, or
was withdrawn, matches no more. It founds no cluster and makes no account a member of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.population.trait import Trait
from stream.core.indicators import confidence_of
from stream.core.links import LinkKind

if TYPE_CHECKING:
    from stream.campaigns.graph.snapshot import Snapshot
    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.core.batch import AccountSlots, Floats

#: How long a match counts (assumed: accounts of campaigns are active every day).
_COUNTS_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class ForeignSize:
    """How many accounts use reported values, the share of them, and that share elsewhere."""

    count: int = 0
    share: float = 0.0
    elsewhere: float = 0.0
    confidence: float = 0.0  # mean of those accounts, 0 to 1


NO_FOREIGN: Final = ForeignSize()


@dataclass(frozen=True, slots=True)
class ForeignIndicators:
    """The confidence of the surest indicator of each account slot, ``(capacity,)``; 0: none."""

    confidence: Floats
    trait: Trait

    @classmethod
    def of(cls, graph: BipartiteGraph, snapshot: Snapshot, owners: int) -> ForeignIndicators:
        """Find the accounts of a graph."""
        confidence = np.zeros(len(snapshot.owner))
        at = snapshot.at(np.flatnonzero(snapshot.kind == LinkKind.INDICATOR))
        at = at[graph.edges["last"][snapshot.edges[at]] > snapshot.time - _COUNTS_S]
        sure = confidence_of(graph.values["value"][snapshot.value[at]])
        np.maximum.at(confidence, snapshot.account[at], sure)
        uses = np.full(len(snapshot.owner), np.nan)
        uses[snapshot.known] = confidence[snapshot.known] > 0
        return cls(confidence, Trait.of(uses, snapshot.owner, owners))

    def among(self, accounts: AccountSlots) -> ForeignSize:
        """Return how many of the accounts use reported values."""
        using = self.confidence[accounts]
        using = using[using > 0]
        if not len(using):
            return NO_FOREIGN
        return ForeignSize(
            len(using),
            len(using) / len(accounts),
            self.trait.share(but=accounts),
            float(using.mean()),
        )
