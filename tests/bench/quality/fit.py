"""Fitting a claim: monotone log likelihood ratios of a statistic, as knots of its curve.

Isotonic regression of campaign against harmless (pool adjacent violators: Barlow et al., 1972,
Statistical Inference under Order Restrictions), with equal weight for both and for every unit. One
pseudo unit of each side is added to each pool (Laplace), which caps log ratios by sample size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import isotonic_regression

from stream.campaigns.scoring.claim import Axis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quality.looks import Unit
    from stream.campaigns.scoring.claim import Curve
    from stream.core.batch import Array

_MOST_KNOTS: Final = 8
_DIGITS: Final = 3
_DECIMALS: Final = 2


class TooFewLooksError(ValueError):
    """A claim cannot be fitted on so few independent looks."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The known values of a statistic, shape ``(n,)``; the weights of a unit add up to 1."""

    values: Array
    campaign: Array
    weights: Array
    harmless_units: int
    campaign_units: int

    @classmethod
    def of(cls, units: Sequence[Unit], statistic: str) -> Sample:
        """Collect a statistic from the looks of units."""
        values: list[float] = []
        campaign: list[bool] = []
        weights: list[float] = []
        counts = [0, 0]
        for unit in units:
            known = [
                x for x in (look.statistics.get(statistic) for look in unit.looks) if x is not None
            ]
            if known:
                counts[unit.campaign] += 1
                values += known
                campaign += [unit.campaign] * len(known)
                weights += [1 / len(known)] * len(known)
        return cls(np.array(values), np.array(campaign), np.array(weights), *counts)

    @property
    def most(self) -> float:
        """Return the greatest log ratio that so many units can show."""
        return math.log1p(min(self.harmless_units, self.campaign_units))

    def __str__(self) -> str:
        """Return how much there is."""
        return f"{self.harmless_units} harmless groups and {self.campaign_units} campaigns"


def fit(sample: Sample, curve: Curve) -> tuple[tuple[float, float], ...]:
    """Return knots in the direction of a curve.

    A curve that only raises the score, or only lowers it, stays so: that something is absent says
    little of whoever avoids it on purpose.

    Raises TooFewLooksError where the sample cannot show log odds as great as the curve has, so
    would neither confirm nor refute them.
    """
    present = np.array([y for _, y in curve.knots])
    if sample.most < np.abs(present).max():
        raise TooFewLooksError(
            f"{sample} show log odds of {sample.most:.1f} at most, the row has "
            f"{np.abs(present).max():.1f}"
        )
    rising = curve.knots[0][1] <= curve.knots[-1][1]
    seen = np.maximum(sample.values, 1.0) if curve.axis is Axis.LOG else sample.values
    order = np.argsort(seen, kind="stable")
    values, campaign = seen[order], sample.campaign[order]
    least = min(sample.harmless_units, sample.campaign_units)
    per_unit = np.where(campaign, least / sample.campaign_units, least / sample.harmless_units)
    weights = sample.weights[order] * per_unit
    values, campaign, weights = _ties(values, campaign, weights)
    pooled = isotonic_regression(campaign, weights=weights, increasing=rising)
    low = -math.inf if present.min() < 0 else 0.0
    high = math.inf if present.max() > 0 else 0.0
    return _knots(
        values, pooled.blocks, campaign * weights, weights, rising=rising, bounds=(low, high)
    )


def _ties(values: Array, campaign: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Return equal values as one, with the share of campaigns among them."""
    different, row = np.unique(values, return_inverse=True)
    total = np.bincount(row, weights)
    return different, np.bincount(row, weights * campaign) / total, total


def _knots(
    values: Array,
    blocks: Array,
    campaign: Array,
    weights: Array,
    *,
    rising: bool,
    bounds: tuple[float, float],
) -> tuple[tuple[float, float], ...]:
    start = blocks[:-1]
    total, hits = np.add.reduceat(weights, start), np.add.reduceat(campaign, start)
    ratio = np.log((hits + 1) / (total - hits + 1))
    middle = np.add.reduceat(values * weights, start) / total
    # Smoothing pulls small pools to 0, which may break the order.
    ratio = isotonic_regression(ratio, weights=total, increasing=rising).x.clip(*bounds)
    knots: dict[float, float] = {}
    for x, y in zip(middle.tolist(), ratio.tolist(), strict=True):
        knots[float(f"{x:.{_DIGITS}g}")] = round(y, _DECIMALS)
    return tuple(_fewer(sorted(knots.items())))


def _fewer(knots: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Drop knots that do not bend the curve, then those that bend it least until there are few."""
    while len(knots) > 2:
        bends = [
            abs(float(np.interp(x, (before[0], after[0]), (before[1], after[1]))) - y)
            for before, (x, y), after in zip(knots, knots[1:], knots[2:], strict=False)
        ]
        if len(knots) <= _MOST_KNOTS and min(bends) > 0:
            break
        del knots[1 + int(np.argmin(bends))]
    if len(knots) > 2 and knots[-1][1] == knots[-2][1]:
        del knots[-1]
    if len(knots) > 2 and knots[0][1] == knots[1][1]:
        del knots[0]
    return knots
