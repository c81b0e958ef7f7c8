"""The traffic of a run: its span, its accounts, and the requests and tokens of each campaign.

Bounded: hours, account ids and, where there are labels, the attackers' requests.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.batch import Array
    from stream.intake.codec.event import RequestEvent
    from stream.tools.report.labels import Labels

#: Traffic without a campaign goes under this name.
BENIGN: Final = ""
_HOUR_S: Final = 3600.0


class CampaignTraffic:
    """Counts decoded events; times and output tokens of attacking accounts are kept one by one."""

    def __init__(self, labels: Labels) -> None:
        """Count the campaigns of ``labels`` separately."""
        self._campaign = labels.campaign_of
        self._times: dict[str, list[float]] = {name: [] for name in labels.campaigns}
        self._tokens: dict[str, list[int]] = {name: [] for name in labels.campaigns}
        self.events = 0
        self.accounts: set[str] = set()
        #: (campaign, hour since the epoch) -> requests
        self.hourly: Counter[tuple[str, int]] = Counter()

    def observe(self, events: Sequence[RequestEvent]) -> None:
        """Count decoded events."""
        campaigns = self._campaign
        self.events += len(events)
        self.accounts.update([event.account_id for event in events])
        benign = [event.timestamp for event in events if event.account_id not in campaigns]
        hours, counts = np.unique(np.array(benign) // _HOUR_S, return_counts=True)
        for hour, count in zip(hours.tolist(), counts.tolist(), strict=True):
            self.hourly[BENIGN, int(hour)] += count
        for event in events if campaigns else ():
            name = campaigns.get(event.account_id)
            if name is not None:
                self.hourly[name, int(event.timestamp // _HOUR_S)] += 1
                self._times[name].append(event.timestamp)
                self._tokens[name].append(event.output_tokens or 0)

    def traffic(self, campaign: str) -> tuple[Array, Array]:
        """Return (times, output tokens) of a campaign, by time, shape ``(n,)``."""
        times = np.array(self._times[campaign], np.float64)
        order = np.argsort(times, kind="stable")
        return times[order], np.array(self._tokens[campaign], np.int64)[order]

    def leaked(self, campaign: str, points: int = 200) -> list[tuple[float, float]]:
        """Return (hours since its first request, share of its output tokens so far)."""
        return leak_curve(*self.traffic(campaign), points)

    @property
    def days(self) -> float:
        """Return the span of the traffic in days, to the hour, at least an hour."""
        hours = [hour for _, hour in self.hourly]
        return (max(hours) - min(hours) + 1) / 24 if hours else 1 / 24


def leak_curve(times: Array, tokens: Array, points: int = 200) -> list[tuple[float, float]]:
    """Return (hours since the first, share of the tokens so far) of requests by time."""
    if not len(times) or not tokens.sum():
        return []
    some = np.unique(np.linspace(0, len(times) - 1, points).astype(np.int64))
    share = np.cumsum(tokens) / tokens.sum()
    hours = (times - times[0]) / _HOUR_S
    return list(zip(hours[some].tolist(), share[some].tolist(), strict=True))
