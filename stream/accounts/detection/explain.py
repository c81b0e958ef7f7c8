"""Explains the evidence on an account as alerts show it: strongest first, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stream.accounts.detection.evidence import COMBINATION, OUT_OF_PLAN
from stream.accounts.features.table import COLUMN, FEATURES
from stream.core.findings import Evidence

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Assumed: an on-call engineer reads no more, and a hundredth of the score explains nothing.
_MOST: Final = 5
_LEAST_SHARE: Final = 0.01
#: Evidence that is no feature: unit and meaning.
_OTHERS: Final = {
    COMBINATION: ("score", "this combination of features is rare among the accounts here"),
    OUT_OF_PLAN: ("tokens/day", "more output than accounts on its plan take"),
}


def explain(
    parts: Mapping[str, float],
    values: Mapping[str, float],
    own: Mapping[str, float | None],
    population: Mapping[str, float | None],
) -> list[Evidence]:
    """Return at most five pieces of evidence, strongest first; contributions sum to 1.

    ``parts`` in hartleys; ``values``, the account's ``own`` baselines and the ``population``'s in
    the unit of each feature; for the combination, the raw score of the population model and its
    median; for the plan, the output of a day and its median there.
    """
    strongest = sorted(parts.items(), key=lambda part: (-part[1], part[0]))[:_MOST]
    total = sum(part for _, part in strongest)
    kept = [(name, part) for name, part in strongest if part > _LEAST_SHARE * total]
    total = sum(part for _, part in kept)
    return [
        Evidence(
            feature=name,
            value=_rounded(values[name]),
            unit=_unit(name),
            baseline=_shown(own.get(name), population.get(name)),
            population=_shown(population.get(name)),
            contribution=part / total,
            meaning=_meaning(name),
        )
        for name, part in kept
    ]


def _unit(name: str) -> str:
    return _OTHERS[name][0] if name in _OTHERS else FEATURES[COLUMN[name]].unit


def _meaning(name: str) -> str:
    return _OTHERS[name][1] if name in _OTHERS else FEATURES[COLUMN[name]].meaning


def _shown(*values: float | None) -> float | None:
    """Return the first that is known."""
    return next((_rounded(value) for value in values if value is not None), None)


def _rounded(value: float) -> float:
    """Round to four significant digits: a person reads it."""
    return float(f"{value:.4g}")
