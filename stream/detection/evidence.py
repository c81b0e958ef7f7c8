"""Combines indicators into evidence that only a conjunction can make large.

The indicators are those that providers and agencies publish (AA26-251A): a new account at full
volume without a ramp, or an old one that changes; harvest, that is more output than others take
*and* more output than input; one frame with ever new content; round the clock and evenly; one
account from many addresses and clients. Each is a surprise in decades (tails.py). With *why now*
a (arrival or change), output volume v, output ratio r and half the sum of the others s::

    core = min(a, v, r)     evidence = (3 core + min(s, core)) * persistence

Were a, v and r independent, 3 core = e would have the probability 10^-e; with the others, which
never count for more than the core, it is at most 10^-(3/4 e). Volume, ratio, a template or long
hours alone, however extreme, give 0: power users, services, batch jobs and evaluations have them
too. Persistence grows to 1 over the active hours of a working day: a job that runs for an hour
or two is not "round the clock without idle".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.detection.baseline import TRACKED
from stream.features.table import COLUMN, FEATURES

if TYPE_CHECKING:
    from stream.types.events import Array

#: Features whose tail in the population is followed, one stream each.
RANKED: Final = (
    "volume_for_age",
    "output_day",
    "output_ratio",
    "templated_breadth",
    "active_hours",
    "identity_spread",
    "gap_variation",
)
_COLUMNS: Final = np.array([COLUMN[name] for name in RANKED])
_POINTS_DOWN: Final = np.array([FEATURES[i].direction < 0 for i in _COLUMNS])
#: No single indicator is worth more decades than this.
MOST: Final = 4.0

_RANK: Final = {name: i for i, name in enumerate(RANKED)}
_OWN: Final = {name: i for i, name in enumerate(TRACKED)}
#: What has to change along with the amount, so that mere growth is no change of behaviour.
_SHAPE: Final = ("output_ratio", "output_per_request", "active_hours", "templated_breadth")
_SUPPORT: Final = 0.5
#: Active hours of the last 24 from which an account counts as persistent.
_PERSISTENT_H: Final = 8.0
#: The population model's part in the evidence; it has no feature of its own.
COMBINATION: Final = "combination"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Evidence on n accounts, with what each feature contributed to it."""

    total: Array  # decades, shape (n,)
    parts: dict[str, Array]  # feature (or COMBINATION) -> decades, shape (n,); they sum to total
    changed: Array  # shape (n,): the account changed, rather than being new


def upward(scaled: Array) -> Array:
    """Return the ranked columns (n, len(RANKED)) of a scaled matrix, high meaning suspicious."""
    return turned(scaled[:, _COLUMNS])


def turned(positions: Array) -> Array:
    """Turn the scale of ranked features that point down, shape ``(..., len(RANKED))``."""
    return np.where(_POINTS_DOWN, 1 - positions, positions)


def combine(
    ranked: Array, own: Array, combination: Array, *, active_hours: Array, seen_whole: Array
) -> Evidence:
    """Combine surprises in decades.

    ``ranked`` (n, len(RANKED)) within the population, ``own`` (n, len(TRACKED)) over the account's
    own past, ``combination`` (n,) of the population model; ``active_hours`` (n,) of the last 24;
    ``seen_whole`` (n,) says of which accounts the whole life was seen: of others nobody knows
    whether there was a ramp.
    """
    rank = {name: ranked[:, i] for name, i in _RANK.items()}
    shape = own[:, [_OWN[name] for name in _SHAPE]]
    change = np.minimum(own[:, _OWN["output_day"]], shape.max(axis=1))
    arrival = np.where(seen_whole, rank["volume_for_age"], 0)
    changed = change > arrival
    why_now = np.maximum(change, arrival)
    core = np.minimum(why_now, np.minimum(rank["output_day"], rank["output_ratio"]))
    persistence = np.minimum(active_hours / _PERSISTENT_H, 1)
    others = {
        "templated_breadth": rank["templated_breadth"],
        "active_hours": rank["active_hours"],
        "identity_spread": rank["identity_spread"],
        "gap_variation": rank["gap_variation"],
        COMBINATION: combination,
    }
    support = _SUPPORT * np.sum(list(others.values()), axis=0)
    counted = np.minimum(support, core)
    weight = _SUPPORT * counted / np.where(support > 0, support, 1)
    parts = {name: surprise * weight for name, surprise in others.items()}
    # A change is shown by the amount and by the feature whose shape changed most.
    most, half = shape.argmax(axis=1), np.where(changed, core / 2, 0)
    parts["volume_for_age"] = core - 2 * half
    parts["output_ratio"] = core
    parts["output_day"] = core + half
    for i, name in enumerate(_SHAPE):
        parts[name] = parts.get(name, 0) + np.where(most == i, half, 0)
    parts = {name: part * persistence for name, part in parts.items()}
    return Evidence((3 * core + counted) * persistence, parts, changed)
