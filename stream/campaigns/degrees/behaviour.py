"""How accounts act, on scales that members and other accounts are compared on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.degrees.likelihood import Scale

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.campaigns.population.reference_population import ReferencePopulation
    from stream.core.batch import AccountSlots, Array, Positions

_HOUR_S: Final = 3600.0
_DAY_S: Final = 86400.0
#: Borders between the steps of how long an account has been known here, and of how old it is.
_KNOWN_FOR: Final = np.array([6, 12, 24, 48, 72, 168]) * _HOUR_S
_AGES: Final = np.array([1, 3, 7, 30, 90, 365]) * _DAY_S
#: A log shorter than this does not show who is new in it (as population/recency.py).
_KNOWN_LOG_S: Final = _DAY_S
_PACES: Final = 14
_HOURS_A_STEP: Final = 3


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
        others: AccountSlots,
    ) -> BehaviourScales:
        """Compare ``members`` with ``others`` (slots)."""
        now, origin = population.snapshot.time, population.recency.origin

        def scale(column: str, steps: int, step: Callable[[Array], Positions]) -> Scale:
            values = graph.accounts[column]
            return Scale(step(values[members]), step(values[others]), steps)

        return cls(
            first_seen=scale(
                "first_seen", len(_KNOWN_FOR) + 1, lambda at: _known_for(at, now, origin)
            ),
            age=scale("created_at", len(_AGES) + 1, lambda at: _age(at, now)),
            pace=scale("day_requests", _PACES, _pace),
            active_hours=scale("active_hours", 24 // _HOURS_A_STEP + 1, _busy_hours),
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
