"""Combines indicators into evidence that only a conjunction can make large.

The indicators are those that providers and agencies publish (AA26-251A): a new account at full
volume without a ramp, or an old one that changes; harvest, that is more output than others take
*and* more output than input; one frame with ever new content; round the clock; one account from
many addresses and clients. Each is a surprise in decades (tails.py). With *why now* a (arrival or
change), *harvest* h and half the sum of the others s::

    core = min(a, h)        evidence = 2 core + min(s, 2 core)

Were a and h independent, 2 core = e would have the probability 10^-e; with the others, which are
never worth more than the core, it lies between 10^-e and 10^-e/2. Volume, ratio, a template or
long hours alone, however extreme, give 0: power users, services, batch jobs and evaluations have
them too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.detection.baseline import TRACKED
from stream.features.table import COLUMN

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
)
RANKED_COLUMNS: Final = np.array([COLUMN[name] for name in RANKED])
#: No single indicator is worth more decades than this.
MOST: Final = 4.0

_RANK: Final = {name: i for i, name in enumerate(RANKED)}
_OWN: Final = {name: i for i, name in enumerate(TRACKED)}
#: What has to change along with the amount, so that mere growth is no change of behaviour.
_SHAPE: Final = ("output_ratio", "output_per_request", "active_hours", "templated_breadth")
_SUPPORT: Final = 0.5
#: The population model's part in the evidence; it has no feature of its own.
COMBINATION: Final = "combination"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Evidence on n accounts, with what each feature contributed to it."""

    total: Array  # decades, shape (n,)
    parts: dict[str, Array]  # feature (or COMBINATION) -> decades, shape (n,); they sum to total
    changed: Array  # shape (n,): the account changed, rather than being new


def combine(ranked: Array, own: Array, combination: Array) -> Evidence:
    """Combine surprises in decades.

    ``ranked`` (n, len(RANKED)) within the population, ``own`` (n, len(TRACKED)) over the account's
    own past, ``combination`` (n,) of the population model.
    """
    rank = {name: ranked[:, i] for name, i in _RANK.items()}
    shape = own[:, [_OWN[name] for name in _SHAPE]]
    change = np.minimum(own[:, _OWN["output_day"]], shape.max(axis=1))
    changed = change > rank["volume_for_age"]
    why_now = np.where(changed, change, rank["volume_for_age"])
    core = np.minimum(why_now, np.minimum(rank["output_day"], rank["output_ratio"]))
    others = {
        "templated_breadth": rank["templated_breadth"],
        "active_hours": rank["active_hours"],
        "identity_spread": rank["identity_spread"],
        COMBINATION: combination,
    }
    support = _SUPPORT * np.sum(list(others.values()), axis=0)
    counted = np.minimum(support, 2 * core)
    weight = _SUPPORT * counted / np.where(support > 0, support, 1)
    parts = {name: surprise * weight for name, surprise in others.items()}
    parts["output_ratio"] = core / 2
    parts["output_day"] = core / 2
    parts["volume_for_age"] = np.where(changed, 0, core)
    # A change is shown by the amount and by the feature whose shape changed most.
    most = shape.argmax(axis=1)
    parts["output_day"] = parts["output_day"] + np.where(changed, core / 2, 0)
    for i, name in enumerate(_SHAPE):
        part = np.where(changed & (most == i), core / 2, 0)
        parts[name] = parts.get(name, np.zeros(len(core))) + part
    return Evidence(2 * core + counted, parts, changed)
