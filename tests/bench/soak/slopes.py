"""Growth of a figure of processes that are restarted: a line of one slope through each life.

The slope is that of Theil and Sen, the median of the slopes of pairs of points, of pairs within one
life only: each life has a level of its own. Its confidence interval is Sen's (1968), by the
variance of Kendall's S summed over the lives; the points are thinned to one a minute, as
neighbours hardly differ and would make the interval too narrow.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Seconds of a point; a point is the median of its samples.
THINNED_S: Final = 60.0
#: Of the normal distribution, for 95 % on both sides.
_Z: Final = 1.96
_LEAST_POINTS: Final = 4

Points: TypeAlias = "Sequence[tuple[float, float]]"


class Slope(NamedTuple):
    """Units a second; the bounds of the 95 % interval; of how many points and lives."""

    slope: float
    low: float
    high: float
    points: int
    lives: int
    level: float
    """Median of all points."""

    def grown(self, seconds: float, slope: float | None = None) -> float:
        """Return the growth in this time as a share of the level."""
        return (self.slope if slope is None else slope) * seconds / self.level


def thinned(points: Iterable[tuple[float, float]], step_s: float = THINNED_S) -> list:
    """Return (time, median) of the points of each step."""
    steps: dict[int, list[tuple[float, float]]] = {}
    for point in points:
        steps.setdefault(int(point[0] // step_s), []).append(point)
    return [
        (float(np.median([t for t, _ in some])), float(np.median([v for _, v in some])))
        for _, some in sorted(steps.items())
    ]


def theil_sen(lives: Iterable[Points]) -> Slope | None:
    """Return the common slope of several lives, each of (seconds, value); None: too few points."""
    kept = [np.array(life, np.float64) for life in lives if len(life) >= _LEAST_POINTS]
    if not kept:
        return None
    slopes, variance = [], 0.0
    for life in kept:
        n = len(life)
        first, second = np.triu_indices(n, 1)
        step = life[second] - life[first]
        slopes.append(step[:, 1] / step[:, 0])
        variance += n * (n - 1) * (2 * n + 5) / 18
    pairs = np.sort(np.concatenate(slopes))
    half = _Z * math.sqrt(variance)
    at = [round((len(pairs) - half) / 2), round((len(pairs) + half) / 2)]
    low, high = (pairs[min(max(i, 0), len(pairs) - 1)] for i in at)
    return Slope(
        float(np.median(pairs)),
        float(low),
        float(high),
        sum(map(len, kept)),
        len(kept),
        float(np.median(np.concatenate([life[:, 1] for life in kept]))),
    )
