"""How much of the traffic a decision stops, as far as an alert shows it.

The requests of the accused accounts are those of their alert: since the first evidence, or of a
day at that rate where it was longer ago. They are divided equally among the accounts. The day's
requests in all are the records that the requests topic took in 24 hours; where a record has
several requests they are too few, so the share is rather too high.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from stream.core.alerts import Alert

_DAY_S: Final = 86400.0


def traffic_share(alert: Alert, acted_on: int, requests_a_day: int | None) -> float | None:
    """Return the share of a day's requests of ``acted_on`` accused accounts, 0 to 1.

    None: it is not known how many there are in a day.
    """
    if not requests_a_day:
        return None
    days = max(_lasted_s(alert) / _DAY_S, 1.0)
    accused = max(len(alert.account_ids or []), 1)
    requests = alert.observed.requests / days * min(acted_on / accused, 1.0)
    return min(max(requests / requests_a_day, 0.0), 1.0)


def _lasted_s(alert: Alert) -> float:
    """Return the seconds since the first evidence, 0 where the alert's times cannot be read."""
    try:
        started, updated = map(datetime.fromisoformat, (alert.started_at, alert.updated_at))
        return (updated - started).total_seconds()
    except (ValueError, TypeError):
        return 0.0
