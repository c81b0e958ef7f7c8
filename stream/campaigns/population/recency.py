"""Which accounts are new: created lately, or seen for the first time in a log that is known.

Campaigns make accounts, or buy old ones: those have not been seen before either. Most gateways do
not log when an account was created; all show when it first asks something.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from stream.campaigns.links.edges import EdgeTable
    from stream.campaigns.settings import CampaignSettings
    from stream.core.batch import Array

#: Before the log is known for a day, an account may have slept since: people do, every day.
_KNOWN_LOG_S: Final = 86400.0


@dataclass(frozen=True, slots=True)
class Recency:
    """Tells what is new by the settings, ``now``; ``origin`` is when anything was first seen."""

    settings: CampaignSettings
    origin: float  # epoch seconds
    now: float

    def young(self, table: EdgeTable, accounts: Array, at: Array | float) -> Array:
        """Say of accounts (slots) whether they were created lately: 1, 0 or NaN, shape ``(n,)``."""
        age = at - table.accounts["created_at"][accounts]
        return np.where(np.isnan(age), np.nan, age <= self.settings.young_s)

    def arrived(self, table: EdgeTable, accounts: Array, at: Array | float) -> Array:
        """Say of accounts (slots) whether their first request was lately: 1, 0 or NaN, ``(n,)``.

        Nothing is known of any before the log is; then those who were there before have not.
        """
        seen = table.accounts["first_seen"][accounts]
        known = self.origin + _KNOWN_LOG_S
        lately = (seen >= known) & (at - seen <= self.settings.first_seen_s)
        return np.where(self.now < known, np.nan, lately)
