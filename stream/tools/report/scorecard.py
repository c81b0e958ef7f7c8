"""Alerts held against labels: found, missed, false, how late and what leaked before.

A campaign is found when an alert of kind campaign has mostly its members, or, for a lone
attacker, when an alert names the account. An alert that names no attacker is false, and so is an
account incident on a benign account.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.core.alerts import Alert
    from stream.tools.report.labels import Labels
    from stream.tools.report.ledger import Ledger

_MOSTLY = 0.5


class CampaignResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one planted campaign."""

    campaign: str
    accounts: int
    found: bool
    recall: float  # share of its accounts that some alert names
    detected_after_s: float | None  # from its first request to the first alert that is right
    requests_before: int | None
    leaked: float | None  # share of its output tokens that left before that alert


class Scorecard(msgspec.Struct, frozen=True, kw_only=True):
    """The whole run."""

    campaigns: list[CampaignResult]
    incidents: int
    false_incidents: int
    false_accounts: list[str]
    false_per_10k_accounts_day: float
    account_precision: float | None  # of all accounts that alerts name

    @property
    def perfect(self) -> bool:
        """Return whether everything planted was found and nothing benign was accused."""
        return all(result.found for result in self.campaigns) and not self.false_incidents


def score(alerts: Iterable[Alert], labels: Labels, ledger: Ledger) -> Scorecard:
    """Return the scorecard of a run."""
    campaign_of = labels.campaign_of
    first_right: dict[str, float] = {}
    named: set[str] = set()
    members: dict[str, set[str]] = {}
    for alert in alerts:
        accounts = accounts_of(alert)
        members.setdefault(alert.alert_id, set()).update(accounts)
        named |= accounts
        for campaign in _hit(accounts, campaign_of):
            first_right.setdefault(campaign, _epoch(alert.updated_at))
    false = {i: some for i, some in members.items() if not _hit(some, campaign_of)}
    right = sum(account in campaign_of for account in named)
    return Scorecard(
        campaigns=[
            _result(name, some, first_right.get(name), named, ledger)
            for name, some in sorted(labels.campaigns.items())
        ],
        incidents=len(members),
        false_incidents=len(false),
        false_accounts=sorted({a for some in false.values() for a in some}),
        false_per_10k_accounts_day=len(false) * 1e4 / max(labels.benign, 1) / ledger.days,
        account_precision=right / len(named) if named else None,
    )


def accounts_of(alert: Alert) -> set[str]:
    """Return the accounts that an alert names."""
    return set(alert.account_ids or ()) | ({alert.account_id} if alert.account_id else set())


def _hit(accounts: set[str], campaign_of: dict[str, str]) -> set[str]:
    """Return the campaigns that a set of named accounts is right about."""
    hits = [campaign_of[account] for account in accounts if account in campaign_of]
    return set(hits) if len(hits) > _MOSTLY * len(accounts) else set()


def _result(
    name: str, accounts: frozenset[str], found_at: float | None, named: set[str], ledger: Ledger
) -> CampaignResult:
    times, tokens = ledger.traffic(name)
    before = None if found_at is None else int(np.searchsorted(times, found_at, side="right"))
    total = int(tokens.sum())
    return CampaignResult(
        campaign=name,
        accounts=len(accounts),
        found=found_at is not None,
        recall=len(accounts & named) / len(accounts),
        detected_after_s=None if found_at is None or not len(times) else found_at - float(times[0]),
        requests_before=before,
        leaked=None if before is None or not total else float(tokens[:before].sum() / total),
    )


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
