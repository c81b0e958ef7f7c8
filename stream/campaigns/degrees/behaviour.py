"""How accounts act, on scales that members and other accounts are compared on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.degrees.likelihood import Scale, counted

if TYPE_CHECKING:
    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.campaigns.population.reference_population import ReferencePopulation
    from stream.core.batch import AccountSlots, Array, Floats, Positions

_HOUR_S: Final = 3600.0
_DAY_S: Final = 86400.0
#: Borders between the steps of how long an account has been known here, and of how old it is.
_KNOWN_FOR: Final = np.array([6, 12, 24, 48, 72, 168]) * _HOUR_S
_AGES: Final = np.array([1, 3, 7, 30, 90, 365]) * _DAY_S
#: A log shorter than this does not show who is new in it (as population/recency.py).
_KNOWN_LOG_S: Final = _DAY_S
_PACES: Final = 14
_HOURS_A_STEP: Final = 3
#: Steps of the scales, in their order.
_STEPS: Final = (len(_KNOWN_FOR) + 1, len(_AGES) + 1, _PACES, 24 // _HOURS_A_STEP + 1)


@dataclass(frozen=True, slots=True)
class BehaviourCounts:
    """How some accounts act, :func:`counted` on each scale."""

    first_seen: Floats
    age: Floats
    pace: Floats
    active_hours: Floats

    @classmethod
    def of(
        cls, graph: BipartiteGraph, population: ReferencePopulation, accounts: AccountSlots
    ) -> BehaviourCounts:
        """Count ``accounts`` (slots)."""
        found = zip(_steps(graph, population, accounts), _STEPS, strict=True)
        return cls(*(counted(step, steps) for step, steps in found))


@dataclass(frozen=True, slots=True)
class BehaviourScales:
    """The scales of one cluster's members; of each pair the stronger one counts."""

    first_seen: Scale
    age: Scale
    pace: Scale
    active_hours: Scale

    @classmethod
    def of(
        cls,
        graph: BipartiteGraph,
        population: ReferencePopulation,
        members: AccountSlots,
        others: BehaviourCounts,
    ) -> BehaviourScales:
        """Compare ``members`` (slots) with ``others``."""
        counts = (others.first_seen, others.age, others.pace, others.active_hours)
        return cls(*map(Scale, _steps(graph, population, members), counts))


def _steps(
    graph: BipartiteGraph, population: ReferencePopulation, accounts: AccountSlots
) -> tuple[Positions, ...]:
    """Return the step of each account on each scale, in the order of :data:`_STEPS`."""
    now, origin = population.snapshot.time, population.recency.origin
    columns = graph.accounts
    return (
        _known_for(columns["first_seen"][accounts], now, origin),
        _age(columns["created_at"][accounts], now),
        _pace(columns["day_requests"][accounts]),
        _busy_hours(columns["active_hours"][accounts]),
    )


def _known_for(first_seen: Array, now: float, origin: float) -> Positions:
    if now < origin + _KNOWN_LOG_S:
        return np.full(len(first_seen), -1)
    step = np.searchsorted(_KNOWN_FOR, now - first_seen, side="right")
    # What is there when watching begins may be older than it seems.
    return np.where(first_seen < origin + _KNOWN_LOG_S, len(_KNOWN_FOR), step)


def _age(created_at: Array, now: float) -> Positions:
    step = np.searchsorted(_AGES, now - created_at, side="right")
    return np.where(np.isnan(created_at), -1, step)


def _pace(day_requests: Array) -> Positions:
    """Return steps of twice as many requests of the last day each."""
    doubled = np.log2(np.maximum(day_requests, 1)).astype(np.int64)
    return np.minimum(doubled, _PACES - 1)


def _busy_hours(active_hours: Array) -> Positions:
    return (active_hours.astype(np.int64) + _HOURS_A_STEP - 1) // _HOURS_A_STEP
