"""Counts of decisions, sums of effects, and delays, over any set of incidents."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stream.core.decisions import ACTIONS
from stream.oversight.report import ActionCount, Delay, EffectSum

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stream.core.decisions import Decision
    from stream.core.effects import Effect

_NINE_OF_TEN: Final = 0.9


@dataclass(frozen=True, slots=True)
class DecisionOutcome:
    """A decision with what came of it; ``held_at``: when an enforcer first held it."""

    decision: Decision
    effect: Effect
    held_at: float | None


def action_counts(outcomes: Iterable[DecisionOutcome]) -> list[ActionCount]:
    """Return how decisions ended, by action, mildest first; actions without any are left out."""
    counts: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in outcomes:
        for word in _words(one):
            counts[one.decision.action][word] += 1
    return [ActionCount(action=name, **counts[name]) for name in ACTIONS if name in counts]


def _words(one: DecisionOutcome) -> list[str]:
    decision = one.decision
    if decision.state == "undone" and decision.actor.kind == "policy":
        return ["replaced"]  # a campaign that grows has many of these, and one decision
    approved = decision.approved_at is not None
    words = ["decisions"]
    words += ["simulated"] if decision.simulated else []
    words += ["approved"] if approved else []
    words += ["enforced"] if one.held_at is not None else []
    words += (
        [{"proposed": "waiting", "refused": "refused", "undone": "undone"}[decision.state]]
        if (decision.state in {"proposed", "refused", "undone"})
        else []
    )
    if decision.state == "expired":
        words.append("expired" if approved else "unanswered")
    return words


def effect_sum(outcomes: Iterable[DecisionOutcome]) -> EffectSum:
    """Return what was done under all of the decisions."""
    effects = [one.effect for one in outcomes]
    estimates = [one.tokens_not_taken_estimate for one in effects]
    known = [one for one in estimates if one is not None]
    return EffectSum(
        refused=sum(one.refused for one in effects),
        slowed=sum(one.slowed for one in effects),
        changed=sum(one.changed for one in effects),
        simulated=sum(one.simulated for one in effects),
        tokens_not_taken_estimate=sum(known) if known else None,
    )


def delay(seconds: Sequence[float | None]) -> Delay:
    """Return median and 90th percentile, each the smallest value that as many do not exceed."""
    known = sorted(one for one in seconds if one is not None)
    return Delay(incidents=len(known), median_s=_rank(known, 0.5), p90_s=_rank(known, _NINE_OF_TEN))


def _rank(known: Sequence[float], share: float) -> float | None:
    return known[math.ceil(share * len(known)) - 1] if known else None
