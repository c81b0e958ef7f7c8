"""What each planted campaign took and when, so that a leak before the alert can be counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.codec.event import RequestEvent
    from stream.report.labels import Labels
    from stream.types.batch import Array


class Ledger:
    """Times and output tokens of attacking accounts, by campaign; bounded by the labels' traffic."""

    def __init__(self, labels: Labels) -> None:
        """Count for the campaigns of ``labels`` only."""
        self._campaign = labels.campaign_of
        self._times: dict[str, list[float]] = {name: [] for name in labels.campaigns}
        self._tokens: dict[str, list[int]] = {name: [] for name in labels.campaigns}
        self.first: float | None = None
        self.last: float | None = None
        self.accounts: set[str] = set()

    def observe(self, events: Sequence[RequestEvent]) -> None:
        """Take in decoded events."""
        for event in events:
            time = event.timestamp
            self.first = time if self.first is None else min(self.first, time)
            self.last = time if self.last is None else max(self.last, time)
            self.accounts.add(event.account_id)
            campaign = self._campaign.get(event.account_id)
            if campaign is not None:
                self._times[campaign].append(time)
                self._tokens[campaign].append(event.output_tokens or 0)

    def traffic(self, campaign: str) -> tuple[Array, Array]:
        """Return (times, output tokens) of a campaign, by time, shape ``(n,)``."""
        times = np.array(self._times[campaign], np.float64)
        order = np.argsort(times, kind="stable")
        return times[order], np.array(self._tokens[campaign], np.int64)[order]

    @property
    def days(self) -> float:
        """Return the span of the traffic in days."""
        if self.first is None or self.last is None:
            return 0.0
        return (self.last - self.first) / 86400
