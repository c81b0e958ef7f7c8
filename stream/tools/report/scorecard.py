"""Alerts compared with labels: campaigns found or missed, false incidents, time to detect.

The definitions are those of :mod:`stream.tools.report.outcome`. Labels have no times, so a labelled
account is an attacker from the start.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from stream.tools.report.outcome import Alarm, found_at, is_right, named_by_incident

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.core.alerts import Alert
    from stream.tools.report.campaign_traffic import CampaignTraffic
    from stream.tools.report.labels import Labels


class CampaignResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one planted campaign."""

    campaign: str
    accounts: int
    found: bool
    recall: float  # share of its accounts that alerts name
    detected_after_s: float | None  # from its first request to the alert that found it
    requests_before: int | None
    leaked: float | None  # share of its output tokens lost before that alert


class Scorecard(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a run."""

    campaigns: list[CampaignResult]
    incidents: int
    false_incidents: int
    false_accounts: list[str]
    false_per_10k_accounts_day: float
    account_precision: float | None  # of all accounts that alerts name

    @property
    def perfect(self) -> bool:
        """Return whether all campaigns were found without a false incident."""
        return all(result.found for result in self.campaigns) and not self.false_incidents


def score(alerts: Iterable[Alert], labels: Labels, ledger: CampaignTraffic) -> Scorecard:
    """Return the scorecard of a run."""
    alarms = [_alarm(alert) for alert in alerts]
    campaign_of = labels.campaign_of
    attackers = dict.fromkeys(campaign_of, -math.inf)
    sizes = {name: len(some) for name, some in labels.campaigns.items()}
    found = found_at(alarms, attackers, campaign_of, sizes)
    members = named_by_incident(alarms)
    false = [some for some in members.values() if not is_right(some, attackers)]
    named = {account for some in members.values() for account in some}
    right = sum(account in campaign_of for account in named)
    return Scorecard(
        campaigns=[
            _result(name, some, found.get(name), named, ledger)
            for name, some in sorted(labels.campaigns.items())
        ],
        incidents=len(members),
        false_incidents=len(false),
        false_accounts=sorted({account for some in false for account in some}),
        false_per_10k_accounts_day=len(false) * 1e4 / max(labels.benign, 1) / ledger.days,
        account_precision=right / len(named) if named else None,
    )


def _alarm(alert: Alert) -> Alarm:
    accounts = sorted(accounts_of(alert))
    return Alarm(_epoch(alert.updated_at), alert.alert_id, alert.kind, accounts)


def accounts_of(alert: Alert) -> set[str]:
    """Return the accounts that an alert names."""
    return set(alert.account_ids or ()) | ({alert.account_id} if alert.account_id else set())


def _result(
    name: str,
    accounts: frozenset[str],
    found_at: float | None,
    named: set[str],
    ledger: CampaignTraffic,
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
