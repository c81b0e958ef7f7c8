"""The figures of one run over files: ``replay --report``."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from stream.tools.report.scorecard import Scorecard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.alerts import Alert
    from stream.tools.report.campaign_traffic import CampaignTraffic


class RunReport(msgspec.Struct, frozen=True, kw_only=True):
    """What went in, what came out, how fast and with how much memory."""

    events: int
    accounts: int
    days: float
    seconds: float
    events_per_second: float
    peak_memory_bytes: int
    dead_letters: dict[str, int]
    alerts: int
    incidents: dict[str, int]  # by kind
    incidents_per_1000_accounts_day: float
    scorecard: Scorecard | None


def report(
    alerts: Sequence[Alert],
    ledger: CampaignTraffic,
    *,
    seconds: float,
    peak_memory_bytes: int,
    dead_letters: dict[str, int],
    scorecard: Scorecard | None,
) -> RunReport:
    """Return the report of a run; ``seconds`` of wall clock."""
    kinds = {alert.alert_id: str(alert.kind) for alert in alerts}
    incidents = Counter(kinds.values())
    return RunReport(
        events=ledger.events,
        accounts=len(ledger.accounts),
        days=ledger.days,
        seconds=seconds,
        events_per_second=ledger.events / seconds if seconds else 0.0,
        peak_memory_bytes=peak_memory_bytes,
        dead_letters=dead_letters,
        alerts=len(alerts),
        incidents=dict(incidents),
        incidents_per_1000_accounts_day=(
            incidents.total() * 1e3 / max(len(ledger.accounts), 1) / ledger.days
        ),
        scorecard=scorecard,
    )
