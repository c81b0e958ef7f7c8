"""What the first alert of a large campaign says, and how often it is sent again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from stream.alerting.settings import AlertingSettings
from testlib.traffic.link_traffic import people, run
from testlib.traffic.stories import aged

if TYPE_CHECKING:
    from testlib.traffic.link_traffic import Account

ITEMS = 1500


def asking(rng: np.random.Generator, count: int) -> list[Account]:
    """Return accounts that share nothing but what they ask: one list of items, dealt out."""

    def asks(r: np.random.Generator) -> tuple[str, ...]:
        return tuple(f"item-{item}" for item in r.integers(0, ITEMS, 2))

    return [
        aged(rng, f"asks-{i}", per_day=float(40 * rng.lognormal(0, 0.3)), asks=asks)
        for i in range(count)
    ]


def test_hundreds_of_accounts_found_by_what_they_ask_are_critical_within_the_hour() -> None:
    """Their first requests are too few for most of them to be certain: the alert says so."""
    rng = np.random.default_rng(5)
    alerts = run([*people(rng, 800), *asking(rng, 672)], hours=15)
    first, *later = [alert for alert in alerts if alert.kind == "campaign"]
    assert first.severity == "warning"
    assert len(first.account_ids or ()) + len(first.peripheral_ids or ()) >= 100
    large = next(alert for alert in later if len(alert.account_ids or ()) >= 100)
    assert all(name.startswith("asks-") for name in large.account_ids or ())
    grown, began = (datetime.fromisoformat(alert.updated_at) for alert in (large, first))
    assert grown - began <= timedelta(hours=1)
    # What it says of traffic holds for every alert of a scenario: see link_traffic.run.
    # By its size: the score alone would not be critical yet.
    assert (large.severity, large.score < AlertingSettings().critical_score) == ("critical", True)
    assert {alert.alert_id for alert in later} == {first.alert_id}
    assert 0 < sum(not alert.refresh for alert in later) <= 6
    newest = later[-1]
    assert len(newest.account_ids or ()) > 550
    assert len(newest.account_ids or ()) + len(newest.peripheral_ids or ()) > 600
    assert newest.observed.requests > 5 * first.observed.requests
