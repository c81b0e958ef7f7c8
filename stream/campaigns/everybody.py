"""What all known accounts are like, with any of them left out: what a cluster is compared with.

Counted once for a snapshot, so that a comparison costs as much as the cluster has members.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from stream.campaigns.acquaintances import Acquaintances
from stream.campaigns.cohorts import Cohorts

if TYPE_CHECKING:
    from stream.campaigns.edges import EdgeTable
    from stream.campaigns.settings import CampaignSettings
    from stream.campaigns.snapshot import Snapshot
    from stream.types.batch import Array


@dataclass(frozen=True, slots=True)
class Everybody:
    """Counts of accounts by owner, shape ``(owners,)``, and by payment, shape ``(values,)``."""

    snapshot: Snapshot
    young_s: float
    told: Array  # of each account slot: whether its age is known
    young: Array  # of each account slot: whether it is young
    accounts_of: Array
    told_of: Array
    young_of: Array
    payers_of: Array
    shares: tuple[float, int]  # of young accounts, see _shares
    cards: int  # payments with several accounts
    owners: int
    acquaintances: Acquaintances
    cohorts: Cohorts  # of payments
    turns: Cohorts  # of owners

    @classmethod
    def of(
        cls, table: EdgeTable, snapshot: Snapshot, settings: CampaignSettings, *, origin: float
    ) -> Everybody:
        """Count what is known; ``origin`` is when anything was first seen."""
        age = np.full(len(table.accounts.used), np.nan)
        age[snapshot.known] = snapshot.time - table.accounts["created_at"][snapshot.known]
        told, young = ~np.isnan(age), age <= settings.young_s
        owners = len(age) + len(table.values.used)
        payment = snapshot.payment[snapshot.known]
        accounts_of = np.bincount(snapshot.owner[snapshot.known], minlength=owners)
        told_of = np.bincount(snapshot.owner[told], minlength=owners)
        young_of = np.bincount(snapshot.owner[young], minlength=owners)
        payers_of = np.bincount(payment[payment >= 0], minlength=len(table.values.used))
        return cls(
            snapshot=snapshot,
            young_s=settings.young_s,
            told=told,
            young=young,
            accounts_of=accounts_of,
            told_of=told_of,
            young_of=young_of,
            payers_of=payers_of,
            shares=_shares(told_of, young_of),
            cards=int(np.count_nonzero(payers_of > 1)),
            owners=int(np.count_nonzero(accounts_of)),
            acquaintances=Acquaintances.of(table, snapshot),
            cohorts=Cohorts.of_payments(table, snapshot, origin=origin),
            turns=Cohorts.of_turns(table, snapshot, origin=origin, remember_s=settings.remember_s),
        )

    def among(self, others: Everybody) -> Everybody:
        """Return these accounts as some of many, ``others`` of another table being the rest."""
        return replace(
            self,
            shares=(self.shares[0] + others.shares[0], self.shares[1] + others.shares[1]),
            cards=self.cards + others.cards,
            owners=self.owners + others.owners,
        )

    def young_share(self, but: Array) -> float:
        """Return the mean share of young accounts of an owner, without the accounts ``but``.

        Drawn to one in ten while little is known, as the next one.
        """
        owners, row = np.unique(self.snapshot.owner[but], return_inverse=True)
        told = self.told_of[owners] - np.bincount(row, self.told[but], len(owners))
        young = self.young_of[owners] - np.bincount(row, self.young[but], len(owners))
        shares, known = self.shares
        had_shares, had_known = _shares(self.told_of[owners], self.young_of[owners])
        left_shares, left_known = _shares(told, young)
        return (shares - had_shares + left_shares + 1) / (known - had_known + left_known + 10)

    def card_share(self, but: Array) -> float:
        """Return how many payments with several accounts there are per owner, without ``but``."""
        payment = self.snapshot.payment[but]
        payments, payers = np.unique(payment[payment >= 0], return_counts=True)
        owners, accounts = np.unique(self.snapshot.owner[but], return_counts=True)
        had = self.payers_of[payments]
        cards = self.cards - np.count_nonzero((had > 1) & (had - payers <= 1))
        left = self.owners - np.count_nonzero(self.accounts_of[owners] == accounts)
        return float((cards + 1) / (left + 10))


def _shares(told: Array, young: Array) -> tuple[float, int]:
    """Return the sum of the shares of young ones, and of how many owners something is known."""
    known = told > 0
    return float((young[known] / told[known]).sum()), int(np.count_nonzero(known))
