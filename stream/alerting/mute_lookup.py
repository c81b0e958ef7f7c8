"""Finds what hides an incident: a verdict first, then a suppression. Changes neither."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stream.alerting.incident import Incident
    from stream.alerting.mute import Mute, ValueId
    from stream.alerting.suppressions import Suppressions
    from stream.alerting.verdict_table import VerdictTable
    from stream.campaigns.types import IndicatorLookup


class MuteLookup:
    """Looks incidents up in the verdicts, then in the suppressions."""

    def __init__(
        self, verdicts: VerdictTable, suppressions: Suppressions, links: IndicatorLookup
    ) -> None:
        """Look incidents up in both; ``links`` has the accounts of an indicator."""
        self._verdicts = verdicts
        self._suppressions = suppressions
        self._links = links
        self._users: dict[ValueId, set[str]] = {}  # of values that are suppressed

    def refresh(self) -> None:
        """Look up again which accounts use the suppressed values."""
        self._users = self._links.accounts_using(self._suppressions.values)

    def values(self, incident: Incident) -> set[ValueId]:
        """Return the values that link the members of a campaign."""
        is_campaign = incident.kind == "campaign"
        return self._links.indicators_of(incident.subject) if is_campaign else set()

    def of(self, incident: Incident) -> Mute | None:
        """Return what hides an incident now."""
        values = self.values(incident)
        mute = self._verdicts.mute(incident, values)
        if mute is None and self._verdicts.due < math.inf:
            # One that is in force may be from before the salt was replaced.
            previous = self._links.under_previous(values)
            if previous != values:
                mute = self._verdicts.mute(incident, previous)
        return mute or self._suppressions.mute(incident, self._users)
