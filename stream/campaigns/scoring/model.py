"""The score's arithmetic: log odds of every claim, the strongest of each group, their sum.

An additive log odds model (weights of evidence: I. J. Good, Probability and the Weighing of
Evidence, 1950). All numbers are in table.py; whether a score alerts is up to decision.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.scoring.claim import Axis
from stream.campaigns.scoring.table import CLAIMS, PRIORS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stream.campaigns.scoring.claim import Claim, Curve, LinkBasis
    from stream.core.batch import Array

#: The scale of a curve's statistic on which it is linear.
_SCALES: Final[dict[Axis, Callable[[Array], Array]]] = {
    Axis.LINEAR: np.asarray,
    Axis.LOG: np.log,
    Axis.LOG1P: np.log1p,
}


@dataclass(frozen=True, slots=True)
class WeighedClaim:
    """A claim and the log odds that it gives a cluster."""

    claim: Claim
    log_odds: float


def weigh(statistics: Mapping[str, float], claims: Sequence[Claim] = CLAIMS) -> list[WeighedClaim]:
    """Return the claims that apply with their log odds, in the order of the table."""
    return [
        WeighedClaim(claim, _log_odds(claim, statistics))
        for claim in claims
        if claim.curve.statistic in statistics
    ]


def strongest(weighed: list[WeighedClaim]) -> list[WeighedClaim]:
    """Return the claims that count: the strongest of each evidence group, the first of equals."""
    best: dict[str | int, WeighedClaim] = {}
    for number, one in enumerate(weighed):
        group = one.claim.group or number
        if group not in best or one.log_odds > best[group].log_odds:
            best[group] = one
    return [*best.values()]


def probability(links: LinkBasis, counted: list[WeighedClaim], *, budget_ratio: float) -> float:
    """Return the probability of a campaign, 0 to 1.

    ``budget_ratio`` is the budget of false incidents in units of the one that the priors stand
    for. Were the claims exact likelihood ratios, a harmless group would ever reach odds x times
    higher with a probability of 1/x at most, however often it is scored (Ville's inequality): so
    the budget moves the log odds by its logarithm. The budget is nominal.
    """
    log_odds = PRIORS[links].value + math.log(budget_ratio)
    log_odds += sum(one.log_odds for one in counted)
    return 1 / (1 + math.exp(-log_odds))


def evaluate(curve: Curve, statistics: Mapping[str, float]) -> float:
    """Return the curve's value, NaN where its statistic is unknown or does not apply."""
    at = float(statistics.get(curve.statistic, math.nan))
    if math.isnan(at):
        return at
    (least, *_, most), x, y = _scaled(curve)
    return float(np.interp(_SCALES[curve.axis](np.array(min(max(at, least), most))), x, y))


@cache
def _scaled(curve: Curve) -> tuple[list[float], Array, Array]:
    """Return a curve's knots, and the same on its scale."""
    x, y = np.array(curve.knots).T
    return x.tolist(), _SCALES[curve.axis](x), y


def _log_odds(claim: Claim, statistics: Mapping[str, float]) -> float:
    log_odds = evaluate(claim.curve, statistics)
    if math.isnan(log_odds):  # an unknown statistic adds nothing
        return 0
    if claim.limit is not None:
        log_odds = min(log_odds, evaluate(claim.limit, statistics))
    if claim.reliability is not None:
        reliability = evaluate(claim.reliability, statistics)
        log_odds *= 1 if math.isnan(reliability) else reliability
    return log_odds
