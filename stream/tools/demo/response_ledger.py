"""What was done about each campaign, how fast, and what it still got; and the same of the others.

It counts what the gateway lets through. Times are epoch seconds of the clock, not event time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from stream.core.decisions import ACTIONS, Action

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.core.decisions import Decision
    from stream.tools.report.labels import Labels
    from stream.tools.simulate.request import Request

#: All accounts without a campaign go under this name.
BENIGN = ""


class CampaignResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The response to one campaign; seconds and shares are None where there is nothing to count."""

    campaign: str  # BENIGN: all other accounts
    action: Action | None  # the strongest
    accounts: int
    acted_on: int  # accounts with a decision
    alert_to_approval_s: float | None
    approval_to_refusal_s: float | None
    requests: int
    refused: int
    leaked_after: int | None  # output tokens that it got after the first approval
    leaked_after_share: float | None  # of all output tokens that it tried to get


class DemoResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the decisions of a run."""

    campaigns: list[CampaignResponse]
    benign: CampaignResponse
    unanswered: int  # requests that the gateway let through without an answer of the enforcer


@dataclass
class _Figures:
    accounts: int
    action: Action | None = None
    acted_on: set[str] = field(default_factory=set)
    alert_s: float | None = None
    approved_s: float | None = None
    refused_s: float | None = None
    requests: int = 0
    refused: int = 0
    tokens: int = 0
    tokens_after: int = 0


class ResponseLedger:
    """Counts by campaign. The player writes from one thread, alerts and decisions from another."""

    def __init__(self, labels: Labels) -> None:
        """Count the campaigns of ``labels`` apart."""
        self._campaign = labels.campaign_of
        sizes = {name: len(some) for name, some in labels.campaigns.items()}
        self._figures = {name: _Figures(size) for name, size in sizes.items()}
        self._figures[BENIGN] = _Figures(labels.benign)

    def on_alert(self, accounts: Iterable[str], time: float) -> None:
        """Note an alert that names these accounts."""
        for name in {self._campaign.get(account, BENIGN) for account in accounts}:
            found = self._figures[name]
            found.alert_s = time if found.alert_s is None else found.alert_s

    def on_approved(self, decision: Decision) -> None:
        """Note a decision that is in force now."""
        for _, account in decision.subjects:
            found = self._figures[self._campaign.get(account, BENIGN)]
            found.acted_on.add(account)
            if found.approved_s is None:
                found.approved_s = decision.approved_at
            if found.action is None or decision.strength > ACTIONS.index(found.action):
                found.action = decision.action

    def on_request(self, tried: Request, *, refused: bool, time: float) -> None:
        """Count a request, which the gateway passed on or ``refused``."""
        found = self._figures[self._campaign.get(tried.account_id, BENIGN)]
        tokens = tried.output_tokens or 0
        found.requests += 1
        found.tokens += tokens
        if refused:
            found.refused += 1
            found.refused_s = time if found.refused_s is None else found.refused_s
        elif found.approved_s is not None:
            found.tokens_after += tokens

    def response(self, unanswered: int) -> DemoResponse:
        """Return the figures."""
        rows = {name: _row(name, found) for name, found in self._figures.items()}
        benign = rows.pop(BENIGN)
        campaigns = [row for _, row in sorted(rows.items())]
        return DemoResponse(campaigns=campaigns, benign=benign, unanswered=unanswered)


def _row(name: str, found: _Figures) -> CampaignResponse:
    decided = found.approved_s is not None
    return CampaignResponse(
        campaign=name,
        action=found.action,
        accounts=found.accounts,
        acted_on=len(found.acted_on),
        alert_to_approval_s=_between(found.alert_s, found.approved_s),
        approval_to_refusal_s=_between(found.approved_s, found.refused_s),
        requests=found.requests,
        refused=found.refused,
        leaked_after=found.tokens_after if decided else None,
        leaked_after_share=found.tokens_after / found.tokens if decided and found.tokens else None,
    )


def _between(earlier: float | None, later: float | None) -> float | None:
    return None if earlier is None or later is None else later - earlier
