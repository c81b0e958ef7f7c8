"""The score of a cluster with its evidence: the table's sum, held back by the decision rule."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stream.campaigns.scoring import model
from stream.campaigns.scoring.decision import ClusterDecision, corroborated, decide
from stream.campaigns.scoring.statistics import statistics
from stream.campaigns.scoring.words import shown
from stream.campaigns.settings import ALERTS_BUDGET
from stream.core.findings import Evidence
from stream.core.thresholds import DEFAULT_THRESHOLDS, ScoreThresholds

if TYPE_CHECKING:
    from stream.campaigns.scoring.features import ClusterFeatures
    from stream.campaigns.scoring.model import WeighedClaim

_DECIMALS: Final = 4


@dataclass(frozen=True, slots=True)
class ClusterScore:
    """A score from 0 to 1, the evidence that raised it, strongest first, and the decision."""

    score: float
    evidence: list[Evidence]
    decision: ClusterDecision


#: The score of a cluster with fewer accounts than ``campaigns.min_members``.
TOO_FEW_MEMBERS: Final = ClusterScore(0.0, [], ClusterDecision.TOO_FEW_MEMBERS)


def score(
    cluster: ClusterFeatures,
    *,
    novelty: float = math.nan,
    budget: float = ALERTS_BUDGET,
    thresholds: ScoreThresholds = DEFAULT_THRESHOLDS,
) -> ClusterScore:
    """Score a cluster by its features.

    ``novelty`` is how unlike earlier groups it is, in -log10 p; NaN while that is unknown.
    ``budget`` is of false incidents, per 10,000 accounts and day.
    """
    weighed = model.weigh(statistics(cluster, novelty=novelty))
    counted = corroborated(model.strongest(weighed))
    found = model.probability(cluster.links, counted, budget_ratio=budget / ALERTS_BUDGET)
    decision = decide(
        counted,
        weighed,
        owners=cluster.owners,
        succession_only=cluster.succession_only,
        links=cluster.links,
    )
    if decision is not ClusterDecision.MAY_ALERT:
        found = min(found, thresholds.capped_score)
    return ClusterScore(found, _evidence(counted, cluster, novelty), decision)


def _evidence(
    counted: list[WeighedClaim], cluster: ClusterFeatures, novelty: float
) -> list[Evidence]:
    raising = sorted(
        (one for one in counted if one.log_odds > 0),
        key=lambda one: (-one.log_odds, one.claim.name),
    )
    total = sum(one.log_odds for one in raising) or 1.0
    return [_shown(one, cluster, novelty, total) for one in raising]


def _shown(one: WeighedClaim, cluster: ClusterFeatures, novelty: float, total: float) -> Evidence:
    how = shown(one.claim.curve.statistic, cluster, novelty)
    return Evidence(
        feature=one.claim.name,
        value=round(float(how.value), _DECIMALS),  # an int would be another number once stored
        unit=how.unit,
        baseline=None if how.baseline is None else round(float(how.baseline), _DECIMALS),
        contribution=round(one.log_odds / total, _DECIMALS),
        meaning=how.meaning,
    )
