"""The scores of a run compared with its labels: peaks by hour, and precision at any threshold.

Accounts and clusters that detection does not report (below its clear score) count as 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.tools.report.labels import Labels

_HOUR_S: Final = 3600.0
ATTACK: Final = "campaigns"
BENIGN: Final = "benign accounts"

Points = list[tuple[float, float]]


class ScoreLog:
    """The highest score of each hour and of each account; bounded by hours and accounts."""

    def __init__(self, labels: Labels) -> None:
        """Separate the attackers of ``labels`` from all others."""
        self._attackers = frozenset(labels.campaign_of)
        #: (ATTACK or BENIGN) -> hour since the epoch -> highest score
        self.hourly: dict[str, dict[int, float]] = {ATTACK: {}, BENIGN: {}}
        #: account -> highest score that it, or a cluster with it, has had
        self.best: dict[str, float] = {}

    def observe(self, time: float, accounts: Sequence[str], score: float) -> None:
        """Add a score; a cluster's counts for the attackers if they are most of it."""
        hits = sum(account in self._attackers for account in accounts)
        hourly = self.hourly[ATTACK if 2 * hits > len(accounts) else BENIGN]
        hour = int(time // _HOUR_S)
        hourly[hour] = max(score, hourly.get(hour, 0.0))
        best = self.best
        for account in accounts:
            if best.get(account, 0.0) < score:
                best[account] = score

    def precision_recall(self) -> Points:
        """Return (recall, precision) of accounts, for thresholds from the highest score down."""
        ordered = sorted(self.best.items(), key=lambda found: -found[1])
        points: Points = []
        right = 0
        for place, (account, score) in enumerate(ordered, start=1):
            right += account in self._attackers
            last = place == len(ordered) or ordered[place][1] < score
            if last and self._attackers:
                points.append((right / len(self._attackers), right / place))
        return points
