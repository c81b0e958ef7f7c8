"""What all known accounts are like, with some of them left out: what a cluster is compared with.

Counted once per snapshot, so that a comparison costs only as much as the cluster has members.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from stream.campaigns.contexts.figures import ContextFigures
from stream.campaigns.graph.bursts import ScanStatistic
from stream.campaigns.graph.handovers import Handovers
from stream.campaigns.graph.phrase_cooccurrence import PhraseCooccurrence
from stream.campaigns.population.crowded_accounts import CrowdedAccounts
from stream.campaigns.population.foreign_indicators import ForeignIndicators
from stream.campaigns.population.recency import Recency
from stream.campaigns.population.trait import Trait
from stream.campaigns.succession.figures import SuccessionFigures

if TYPE_CHECKING:
    from stream.campaigns.graph.snapshot import Snapshot
    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.campaigns.settings import CampaignSettings
    from stream.core.batch import AccountSlots, Counts


@dataclass(frozen=True, slots=True)
class ReferencePopulation:
    """Counts of accounts by owner, shape ``(owners,)``, and by payment, shape ``(values,)``."""

    snapshot: Snapshot
    recency: Recency
    young: Trait  # created recently
    recently_first_seen: Trait
    accounts_of: Counts
    payers_of: Counts
    shared_payments: int  # payments with several accounts
    owners: int
    phrases: PhraseCooccurrence
    handovers: Handovers
    payment_bursts: ScanStatistic
    change_point_bursts: ScanStatistic  # of owners
    successions: SuccessionFigures
    customers: CrowdedAccounts
    crowded: Trait
    contexts: ContextFigures
    foreign: ForeignIndicators

    @classmethod
    def of(
        cls,
        graph: BipartiteGraph,
        snapshot: Snapshot,
        settings: CampaignSettings,
        *,
        origin: float,
        successions: SuccessionFigures | None = None,
        contexts: ContextFigures | None = None,
    ) -> ReferencePopulation:
        """Count the accounts of a graph; ``origin`` is when anything was first seen.

        ``successions`` and ``contexts`` are those among its accounts (None: none).
        """
        owners = len(graph.accounts.used) + len(graph.values.used)
        young, first_seen, crowded = np.full((3, len(graph.accounts.used)), np.nan)
        recency = Recency(settings, origin, snapshot.time)
        known, time = snapshot.known, snapshot.time
        young[known] = recency.young(graph, known, time)
        first_seen[known] = recency.recently_first_seen(graph, known, time)
        customers = CrowdedAccounts.of(graph, snapshot, recency)
        crowded[known] = customers.crowded[known]
        payment = snapshot.payment[known]
        accounts_of = np.bincount(snapshot.owner[known], minlength=owners)
        payers_of = np.bincount(payment[payment >= 0], minlength=len(graph.values.used))
        return cls(
            snapshot=snapshot,
            recency=recency,
            young=Trait.of(young, snapshot.owner, owners),
            recently_first_seen=Trait.of(first_seen, snapshot.owner, owners),
            accounts_of=accounts_of,
            payers_of=payers_of,
            shared_payments=int(np.count_nonzero(payers_of > 1)),
            owners=int(np.count_nonzero(accounts_of)),
            phrases=PhraseCooccurrence.of(graph, snapshot),
            handovers=Handovers.of(graph, snapshot),
            payment_bursts=ScanStatistic.of_payments(graph, snapshot, origin=origin),
            change_point_bursts=ScanStatistic.of_change_points(
                graph, snapshot, origin=origin, remember_s=settings.remember_s
            ),
            successions=successions or SuccessionFigures.none(),
            customers=customers,
            crowded=Trait.of(crowded, snapshot.owner, owners),
            contexts=contexts or ContextFigures.none(),
            foreign=ForeignIndicators.of(graph, snapshot, owners),
        )

    def with_others(self, others: ReferencePopulation) -> ReferencePopulation:
        """Return these accounts as a part of a population; ``others``, of another graph, the rest.

        Traits and payments count both; the rest is that of this graph alone.
        """
        return replace(
            self,
            young=self.young.with_others(others.young),
            recently_first_seen=self.recently_first_seen.with_others(others.recently_first_seen),
            crowded=self.crowded.with_others(others.crowded),
            foreign=replace(
                self.foreign, trait=self.foreign.trait.with_others(others.foreign.trait)
            ),
            shared_payments=self.shared_payments + others.shared_payments,
            owners=self.owners + others.owners,
        )

    def shared_payment_share(self, but: AccountSlots) -> float:
        """Return how many payments with several accounts there are per owner, without ``but``."""
        payment = self.snapshot.payment[but]
        payments, payers = np.unique(payment[payment >= 0], return_counts=True)
        owners, accounts = np.unique(self.snapshot.owner[but], return_counts=True)
        had = self.payers_of[payments]
        shared = self.shared_payments - np.count_nonzero((had > 1) & (had - payers <= 1))
        left = self.owners - np.count_nonzero(self.accounts_of[owners] == accounts)
        # One in ten while little is known (assumed).
        return float((shared + 1) / (left + 10))
