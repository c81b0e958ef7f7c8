"""Which accounts are new: created recently, or recently seen for the first time.

Campaigns create accounts or buy old ones; either kind has not been seen before. Most gateways do
not log when an account was created; all of them show its first request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.campaigns.settings import CampaignSettings
    from stream.core.batch import AccountSlots, Floats, Seconds

#: An account may be quiet for a day; only then does a first request mean a new account (assumed).
_KNOWN_LOG_S: Final = 86400.0


@dataclass(frozen=True, slots=True)
class Recency:
    """What is new by the settings, ``now``; ``origin`` is when anything was first seen."""

    settings: CampaignSettings
    origin: float  # epoch seconds
    now: float

    def young(self, graph: BipartiteGraph, accounts: AccountSlots, at: Seconds | float) -> Floats:
        """Return whether accounts were created recently at ``at``: 1, 0 or NaN, shape ``(n,)``."""
        age = at - graph.accounts["created_at"][accounts]
        return np.where(np.isnan(age), np.nan, age <= self.settings.young_s)

    def recently_first_seen(
        self, graph: BipartiteGraph, accounts: AccountSlots, at: Seconds | float
    ) -> Floats:
        """Return whether the first request of accounts was recent at ``at``: 1, 0 or NaN, ``(n,)``.

        NaN while the log is too short to know; later, 0 for accounts that were there before.
        """
        seen = graph.accounts["first_seen"][accounts]
        known = self.origin + _KNOWN_LOG_S
        recently = (seen >= known) & (at - seen <= self.settings.first_seen_s)
        return np.where(self.now < known, np.nan, recently)
