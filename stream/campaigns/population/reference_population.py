"""What all known accounts are like, with any of them left out: what a cluster is compared with.

Counted once for a snapshot, so that a comparison costs as much as the cluster has members.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from stream.campaigns.graph.bursts import Bursts
from stream.campaigns.graph.phrase_cooccurrence import PhraseCooccurrence
from stream.campaigns.population.recency import Recency
from stream.campaigns.population.trait import Trait

if TYPE_CHECKING:
    from stream.campaigns.graph.snapshot import Snapshot
    from stream.campaigns.links.edges import EdgeTable
    from stream.campaigns.settings import CampaignSettings
    from stream.core.batch import Array


@dataclass(frozen=True, slots=True)
class ReferencePopulation:
    """Counts of accounts by owner, shape ``(owners,)``, and by payment, shape ``(values,)``."""

    snapshot: Snapshot
    novelty: Recency
    young: Trait  # created lately
    arrived: Trait  # first seen lately
    accounts_of: Array
    payers_of: Array
    cards: int  # payments with several accounts
    owners: int
    acquaintances: PhraseCooccurrence
    cohorts: Bursts  # of payments
    turns: Bursts  # of owners

    @classmethod
    def of(
        cls, table: EdgeTable, snapshot: Snapshot, settings: CampaignSettings, *, origin: float
    ) -> ReferencePopulation:
        """Count what is known; ``origin`` is when anything was first seen."""
        owners = len(table.accounts.used) + len(table.values.used)
        young, arrived = np.full((2, len(table.accounts.used)), np.nan)
        novelty = Recency(settings, origin, snapshot.time)
        young[snapshot.known] = novelty.young(table, snapshot.known, snapshot.time)
        arrived[snapshot.known] = novelty.arrived(table, snapshot.known, snapshot.time)
        payment = snapshot.payment[snapshot.known]
        accounts_of = np.bincount(snapshot.owner[snapshot.known], minlength=owners)
        payers_of = np.bincount(payment[payment >= 0], minlength=len(table.values.used))
        return cls(
            snapshot=snapshot,
            novelty=novelty,
            young=Trait.of(young, snapshot.owner, owners),
            arrived=Trait.of(arrived, snapshot.owner, owners),
            accounts_of=accounts_of,
            payers_of=payers_of,
            cards=int(np.count_nonzero(payers_of > 1)),
            owners=int(np.count_nonzero(accounts_of)),
            acquaintances=PhraseCooccurrence.of(table, snapshot),
            cohorts=Bursts.of_payments(table, snapshot, origin=origin),
            turns=Bursts.of_turns(table, snapshot, origin=origin, remember_s=settings.remember_s),
        )

    def among(self, others: ReferencePopulation) -> ReferencePopulation:
        """Return these accounts as some of many, ``others`` of another table being the rest."""
        return replace(
            self,
            young=self.young.among(others.young),
            arrived=self.arrived.among(others.arrived),
            cards=self.cards + others.cards,
            owners=self.owners + others.owners,
        )

    def card_share(self, but: Array) -> float:
        """Return how many payments with several accounts there are per owner, without ``but``."""
        payment = self.snapshot.payment[but]
        payments, payers = np.unique(payment[payment >= 0], return_counts=True)
        owners, accounts = np.unique(self.snapshot.owner[but], return_counts=True)
        had = self.payers_of[payments]
        cards = self.cards - np.count_nonzero((had > 1) & (had - payers <= 1))
        left = self.owners - np.count_nonzero(self.accounts_of[owners] == accounts)
        return float((cards + 1) / (left + 10))
