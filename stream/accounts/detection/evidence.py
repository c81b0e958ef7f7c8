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
too. Persistence grows to 1 over hours: a job that runs for one or two is not "round the clock
without idle".

An account that turns does not change as a whole, so what is *new* in it is judged besides: a then
is how far its content has moved, r the ratio of the new part, which has to surprise the account
itself too, and hours count from when the content moved. As what is asked has nothing to do with
how much is taken, a counts in full there, up to what launches of products make usual. Both ways
stay below the line of calibration.py (numerical integration). A shift of content alone gives 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.detection.baseline import TRACKED
from stream.accounts.features.table import COLUMN, FEATURES

if TYPE_CHECKING:
    from stream.core.events import Array

#: Features whose tail in the population is followed, one stream each.
RANKED: Final = (
    "volume_for_age",
    "output_day",
    "output_ratio",
    "templated_breadth",
    "active_hours",
    "identity_spread",
    "gap_variation",
    "content_shift",
)
_COLUMNS: Final = np.array([COLUMN[name] for name in RANKED])
#: What the population model looks at: shape rather than size, which says nothing (power users).
MODELLED: Final = (
    "active_hours",
    "addresses",
    "error_share",
    "gap_variation",
    "logprobs_share",
    "max_tokens",
    "output_per_request",
    "output_ratio",
    "prompts",
    "ramp",
    "requests_day",
    "system_share",
    "temperature",
    "template_share",
    "templated_breadth",
    "user_agents",
    "volume_for_age",
)
_MODELLED_COLUMNS: Final = np.array([COLUMN[name] for name in MODELLED])
_POINTS_DOWN: Final = np.array([FEATURES[i].direction < 0 for i in _COLUMNS])
#: No single indicator is worth more decades than this.
MOST: Final = 4.0

#: Which of the ranked say how much is taken.
HARVEST: Final = [RANKED.index(name) for name in ("output_day", "output_ratio")]
_RANK: Final = {name: i for i, name in enumerate(RANKED)}
_OWN: Final = {name: i for i, name in enumerate(TRACKED)}
#: What has to change along with the amount, so that mere growth is no change of behaviour.
_SHAPE: Final = ("output_ratio", "output_per_request", "active_hours", "templated_breadth")
_SUPPORT: Final = 0.5
#: What is asked has nothing to do with how much it takes, so that its surprise counts in full; but
#: products are launched: more than one change in a hundred days cannot be told from that.
_LAUNCHES: Final = 2.0
#: Active hours of the last 24 from which an account counts as persistent. Nightly jobs run for one
#: to three: of this, three hours keep below the budget whatever is one in a hundred in each part.
_PERSISTENT_H: Final = 5.0
#: The population model's part in the evidence; it has no feature of its own.
COMBINATION: Final = "combination"


@dataclass(frozen=True, slots=True)
class EvidenceBreakdown:
    """Evidence on n accounts, with what each feature contributed to it."""

    total: Array  # decades, shape (n,)
    parts: dict[str, Array]  # feature (or COMBINATION) -> decades, shape (n,); they sum to total
    changed: Array  # shape (n,): the account changed, rather than being new


def upward(scaled: Array) -> Array:
    """Return the ranked columns (n, len(RANKED)) of a scaled matrix, high meaning suspicious."""
    return turned(scaled[:, _COLUMNS])


def modelled(scaled: Array) -> Array:
    """Return the columns (n, len(MODELLED)) of a scaled matrix that the population model takes."""
    return np.asarray(scaled[:, _MODELLED_COLUMNS])


def of_new(matrix: Array, usual: Array) -> Array:
    """Return the features as if what is new in each account were all of it.

    ``usual`` (n,) is the account's own output of a day, in tokens: beyond that, what came since
    the content moved makes so much of a day, but no more than the last hour does: it goes on.
    """
    alone = matrix.copy()
    day, hour = (matrix[:, COLUMN[f"output_{span}"]] for span in ("day", "hour"))
    part = np.clip(matrix[:, COLUMN["new_content_hours"]] / 24, 1 / 24, 1)
    pace = (day - usual * (1 - part)) / part
    alone[:, COLUMN["output_day"]] = np.minimum(pace, 24 * hour)
    alone[:, COLUMN["output_ratio"]] = matrix[:, COLUMN["new_content_ratio"]]
    return alone


def turned(positions: Array) -> Array:
    """Turn the scale of ranked features that point down, shape ``(..., len(RANKED))``."""
    return np.where(_POINTS_DOWN, 1 - positions, positions)


def combine(
    ranked: Array,
    own: Array,
    combination: Array,
    *,
    new_harvest: Array,
    active_hours: Array,
    new_hours: Array,
    seen_whole: Array,
) -> EvidenceBreakdown:
    """Combine surprises in decades.

    ``ranked`` (n, len(RANKED)) within the population, ``own`` (n, len(TRACKED)) over the account's
    own past, ``combination`` (n,) of the population model, ``new_harvest`` (n,) of what is new in
    an account, were it an account's; ``active_hours`` (n,) of the last 24 and ``new_hours`` (n,)
    since the content is new; ``seen_whole`` (n,) says of which accounts the whole life was seen:
    of others nobody knows whether there was a ramp.
    """
    rank = {name: ranked[:, i] for name, i in _RANK.items()}
    shape = own[:, [_OWN[name] for name in _SHAPE]]
    change = np.minimum(own[:, _OWN["output_day"]], shape.max(axis=1))
    arrival = np.where(seen_whole, rank["volume_for_age"], 0)
    changed = change > arrival
    why_now = np.maximum(change, arrival)
    persistence = np.minimum(active_hours / _PERSISTENT_H, 1)
    whole = np.minimum(why_now, np.minimum(rank["output_day"], rank["output_ratio"])) * persistence
    shift = np.minimum(own[:, _OWN["content_shift"]], rank["content_shift"])
    lasting = np.minimum(persistence, np.nan_to_num(new_hours) / _PERSISTENT_H)
    part = np.minimum(shift, new_harvest) * lasting
    core, in_part = np.maximum(whole, part), (part >= whole) & (part > 0)
    surplus = np.where(in_part, np.maximum(np.minimum(shift, _LAUNCHES) * lasting - core, 0), 0)
    others = {
        "templated_breadth": rank["templated_breadth"],
        "active_hours": rank["active_hours"],
        "identity_spread": rank["identity_spread"],
        "gap_variation": rank["gap_variation"],
        COMBINATION: combination,
    }
    support = _SUPPORT * np.sum(list(others.values()), axis=0) * persistence
    counted = np.minimum(support, core)
    weight = _SUPPORT * persistence * counted / np.where(support > 0, support, 1)
    parts = {name: surprise * weight for name, surprise in others.items()}
    # A change is shown by the amount and by the feature whose shape changed most.
    most, half = shape.argmax(axis=1), np.where(changed & ~in_part, core / 2, 0)
    parts["volume_for_age"] = np.where(changed | in_part, 0, core)
    parts["output_ratio"] = np.where(in_part, 0, core)
    parts["output_day"] = core + half
    parts["content_shift"] = np.where(in_part, core + surplus, 0)
    parts["new_content_ratio"] = np.where(in_part, core, 0)
    for i, name in enumerate(_SHAPE):
        parts[name] = parts.get(name, 0) + np.where(most == i, half, 0)
    return EvidenceBreakdown(3 * core + surplus + counted, parts, changed | in_part)
