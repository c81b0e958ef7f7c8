"""Combines indicators into evidence that only a conjunction can make large.

The indicators are those that providers and agencies publish (AA26-251A): a new account at full
use without a ramp, or an old one that changes; extraction volume, that is more output than
others take *and* more output than input; one frame with ever new content; round the clock and
evenly; out of proportion to the plan; one account from many addresses and clients, or whose exits
rotate, or that sends context which it has not produced. Each is a surprisal in hartleys (tails.py).
With *why now* a (arrival or change), output volume v, output ratio r and half the sum of the
others s::

    core = min(a, v, r)     evidence = (3 core + min(s, core)) * persistence

If a, v and r are independent, 3 core = e has the probability 10^-e; with the others, which never
count for more than the core, it is at most 10^-(3/4 e). Volume, ratio, a template or long hours
alone, however extreme, give 0: power users, services, batch jobs and evaluations have them too.
A gateway may log no creation, and an account may be opened days before it is used. So an account is
new, too, when its first request comes hours after the log began and it keeps up the pace that it
began with: then a is how rare that pace is, up to the rate at which such accounts begin. Its volume
is extrapolated to a day.

Persistence grows to 1 over hours: a job that runs for one or two is not "round the clock without
idle".

An account that is taken over does not change as a whole, so its *new content* is scored besides:
a is then how far its content has moved, r the ratio of the new content, which must be rare for the
account itself too, and hours count from when the content moved. The content of requests is
independent of their amount, so a counts in full there, up to the rate at which products are
launched. Both ways stay below the line of calibration.py (numerical integration). A shift of
content alone gives 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.detection.baseline import TRACKED
from stream.accounts.features.table import COLUMN, FEATURES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.core.batch import Floats, Mask

#: Features whose tail in the population is followed, one stream of values each.
RANKED: Final = (
    "volume_for_age",
    "requests_day",
    "output_day",
    "output_ratio",
    "templated_breadth",
    "around_the_clock",
    "many_clients",
    "gap_variation",
    "content_shift",
    "exit_rotation",
    "countries_hour",
    "hosted_browser",
    "unexplained_context",
)
_COLUMNS: Final = np.array([COLUMN[name] for name in RANKED])
#: Features of the population model: shape rather than size, for power users are large too.
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
#: No single indicator counts for more than this, in hartleys. Assumed: beyond one in 10,000 the
#: exponential tail is extrapolated too far.
MOST_HART: Final = 4.0

#: Positions of the ranked features that are the extraction volume.
EXTRACTION: Final = [RANKED.index(name) for name in ("output_day", "output_ratio")]
_RANK: Final = {name: i for i, name in enumerate(RANKED)}
_OWN: Final = {name: i for i, name in enumerate(TRACKED)}
#: Features of which one must change along with the amount: mere growth is no change of behaviour.
_SHAPE: Final = ("output_ratio", "output_per_request", "active_hours", "templated_breadth")
_SHAPE_COLUMNS: Final = [_OWN[name] for name in _SHAPE]
#: Ranked features that support a core and never make one.
_SUPPORTING: Final = (
    "templated_breadth",
    "around_the_clock",
    "gap_variation",
    "unexplained_context",
)
#: Of these, which all follow from where an account calls from, only the strongest supports; each
#: with the most that it counts for, in hartleys. Assumed: travellers with a VPN are one in a
#: hundred, people behind a company's proxy or a relay of their phone's maker one in ten.
_EXITS: Final = {
    "many_clients": MOST_HART,
    "exit_rotation": MOST_HART,
    "countries_hour": 2.0,
    "hosted_browser": 1.0,
}
#: What each but the first of them is reduced by: there are three further chances (Bonferroni).
_CHANCES_HART: Final = math.log10(len(_EXITS) - 1)
#: Weight of the supporting indicators. Assumed: they depend on one another, so half their sum.
_SUPPORT: Final = 0.5
#: Most that a shift of content counts for, in hartleys. Assumed: a product is launched once in a
#: hundred days, so a rarer change cannot be distinguished from a launch.
_LAUNCHES_HART: Final = 2.0
#: Most that a first request counts for, in hartleys. Measured (the benchmark's quick set, gateway
#: mode): of 225 scored accounts nine began so in three days, one in 75 a day.
_ARRIVALS_HART: Final = 2.0
#: Full use is a pace that four of five accounts never reach, in hartleys. Assumed: as tails.py
#: takes the bulk.
_FULL_USE_HART: Final = 0.7
#: A first request counts from this many active hours on. Assumed: many that begin at full use (a
#: job, a test of a model) end within two hours.
_BRIEF_H: Final = 2.0
#: Share of its hours in which an account that keeps up its pace is active. Assumed: a client that
#: fails is idle for an hour now and then, people are for two thirds of the day.
_HELD: Final = 0.75
#: Active hours of the last 24 from which an account counts as persistent. Assumed: nightly jobs run
#: for one to three hours; three keep evidence below the budget if each part is one in a hundred.
_PERSISTENT_H: Final = 5.0
#: Name of the population model's part in the evidence; it has no feature of its own.
COMBINATION: Final = "combination"
#: Name of the output's rarity on the account's plan; its value is that of ``output_day``.
OUT_OF_PLAN: Final = "out_of_plan"


@dataclass(frozen=True, slots=True)
class EvidenceBreakdown:
    """The evidence on n accounts, and the contribution of each feature to it."""

    total: Floats  # hartleys, shape (n,)
    parts: dict[str, Floats]  # feature (or COMBINATION) -> hartleys, shape (n,); their sum is total


def upward(scaled: Floats) -> Floats:
    """Return the ranked columns (n, len(RANKED)) of a scaled matrix, high meaning suspicious."""
    return flipped(scaled[:, _COLUMNS])


def modelled(scaled: Floats) -> Floats:
    """Return the columns (n, len(MODELLED)) of a scaled matrix for the population model."""
    return np.asarray(scaled[:, _MODELLED_COLUMNS])


def new_content_alone(matrix: Floats, own_output: Floats) -> Floats:
    """Return the features (n, F) as if each account had only its new content.

    ``own_output`` (n,) is the account's own output of a day, in tokens. The output beyond it
    since the content moved is extrapolated to a day, but to no more than 24 times the last hour.
    """
    alone = matrix.copy()
    day, hour = (matrix[:, COLUMN[f"output_{span}"]] for span in ("day", "hour"))
    part = np.clip(matrix[:, COLUMN["new_content_hours"]] / 24, 1 / 24, 1)
    pace = (day - own_output * (1 - part)) / part
    alone[:, COLUMN["output_day"]] = np.minimum(pace, 24 * hour)
    alone[:, COLUMN["output_ratio"]] = matrix[:, COLUMN["new_content_ratio"]]
    return alone


def keeps_up(matrix: Floats, known_h: Floats) -> Mask:
    """Return which accounts (n,) are active in nearly all of their hours, of a day at most."""
    return np.asarray(matrix[:, COLUMN["active_hours"]] >= _HELD * np.minimum(known_h, 24))


def at_pace(matrix: Floats, known_h: Floats, new: Mask) -> Floats:
    """Return the features (n, F), what ``new`` accounts (n,) did extrapolated to a day.

    At their mean pace in the ``known_h`` (n,) hours since their first request, but no more than at
    that of the last hour (of output), or at twice that (of requests: ``no_ramp``).
    """
    paced = matrix.copy()
    day, hour = (matrix[:, COLUMN[f"output_{span}"]] for span in ("day", "hour"))
    pace = np.minimum(day * 24 / np.clip(known_h, 1, 24), 24 * hour)
    paced[:, COLUMN["output_day"]] = np.where(new, np.maximum(day, pace), day)
    requests = COLUMN["requests_day"]
    paced[:, requests] = np.where(new, matrix[:, COLUMN["no_ramp"]], matrix[:, requests])
    return paced


def flipped(positions: Floats) -> Floats:
    """Flip the scale of ranked features that point down, shape ``(..., len(RANKED))``."""
    return np.where(_POINTS_DOWN, 1 - positions, positions)


def combine(
    ranked: Floats,
    own: Floats,
    beside: Mapping[str, Floats],
    *,
    new_extraction: Floats,
    active_hours: Floats,
    new_hours: Floats,
    whole_life_seen: Mask,
    appeared: Mask,
) -> EvidenceBreakdown:
    """Combine surprisals, all in hartleys.

    ``ranked`` (n, len(RANKED)) within the population, ``own`` (n, len(TRACKED)) over the account's
    own baseline, ``beside`` (n,) what has no feature of its own: of the population model's score
    (COMBINATION), and of the output among accounts on the same plan (OUT_OF_PLAN);
    ``new_extraction`` (n,) of the extraction volume of new content alone; ``active_hours`` (n,) of
    the last 24 and ``new_hours`` (n,) since the content moved; ``whole_life_seen`` (n,) marks
    accounts that were created after learning began: for others it is unknown whether there was a
    ramp. ``appeared`` (n,) marks those that are new to the log and keep up their pace.
    """
    rank = {name: ranked[:, i] for name, i in _RANK.items()}
    persistence = np.minimum(active_hours / _PERSISTENT_H, 1)
    arrival = np.where(whole_life_seen, rank["volume_for_age"], 0)
    appears = np.where(appeared, _appearance(rank["requests_day"], active_hours), 0)
    lasting = np.minimum(persistence, np.nan_to_num(new_hours) / _PERSISTENT_H)
    core = _core(rank, own, new_extraction, np.maximum(arrival, appears), persistence, lasting)
    others = {name: rank[name] for name in _SUPPORTING} | {**beside} | _exits(rank)
    # What is rare on every plan is counted already.
    others[OUT_OF_PLAN] = np.maximum(beside[OUT_OF_PLAN] - rank["output_day"], 0)
    support = _SUPPORT * np.sum(list(others.values()), axis=0) * persistence
    counted = np.minimum(support, core.size)
    weight = _SUPPORT * persistence * counted / np.where(support > 0, support, 1)
    parts = {name: surprisal * weight for name, surprisal in others.items()}
    _add_core(parts, core, own[:, _SHAPE_COLUMNS], appears > arrival)
    return EvidenceBreakdown(3 * core.size + core.surplus + counted, parts)


def _appearance(pace: Floats, active_hours: Floats) -> Floats:
    """Return how much a first request counts, in hartleys, shape ``(n,)``.

    ``pace`` (n,) is the surprisal of the requests that follow it.
    """
    counted = np.where(pace >= _FULL_USE_HART, np.minimum(pace, _ARRIVALS_HART), 0)
    lasting = (active_hours - _BRIEF_H) / (_PERSISTENT_H - _BRIEF_H)
    return np.asarray(counted * np.clip(lasting, 0, 1))


def _exits(rank: dict[str, Floats]) -> dict[str, Floats]:
    """Return the surprisal (n,) of each of :data:`_EXITS` where it is the greatest, else 0."""
    counted = np.stack(
        [
            np.clip(rank[name] - _CHANCES_HART * (place > 0), 0, most)
            for place, (name, most) in enumerate(_EXITS.items())
        ]
    )
    greatest = counted.argmax(axis=0)
    return {
        name: np.where(greatest == place, counted[place], 0) for place, name in enumerate(_EXITS)
    }


@dataclass(frozen=True, slots=True)
class _Core:
    """The conjunction that the other indicators only support; each of shape (n,)."""

    size: Floats  # hartleys: why now, volume and ratio are at least as rare, each
    surplus: Floats  # hartleys: how much rarer the shift of content is
    new_content: Mask  # the new content shows more than the account as a whole
    changed: Mask  # an old account has changed, rather than being new


def _core(
    rank: dict[str, Floats],
    own: Floats,
    new_extraction: Floats,
    arrival: Floats,
    persistence: Floats,
    lasting: Floats,
) -> _Core:
    """Return the core: of the account as a whole, or of its new content where that shows more.

    ``arrival`` (n,) is the surprisal of a start at full volume, ``lasting`` (n,) the persistence
    of the new content; the others as in :func:`combine`.
    """
    change = np.minimum(own[:, _OWN["output_day"]], own[:, _SHAPE_COLUMNS].max(axis=1))
    volume = np.minimum(rank["output_day"], rank["output_ratio"])
    whole = np.minimum(np.maximum(change, arrival), volume) * persistence
    shift = np.minimum(own[:, _OWN["content_shift"]], rank["content_shift"])
    part = np.minimum(shift, new_extraction) * lasting
    size, new_content = np.maximum(whole, part), (part >= whole) & (part > 0)
    beyond = np.maximum(np.minimum(shift, _LAUNCHES_HART) * lasting - size, 0)
    return _Core(size, np.where(new_content, beyond, 0), new_content, change > arrival)


def _add_core(parts: dict[str, Floats], core: _Core, shape: Floats, appeared: Mask) -> None:
    """Add to ``parts`` what each feature contributes to the core.

    ``appeared`` (n,): new by their first request, rather than by their creation. The amount and the
    feature whose ``shape`` (n, len(_SHAPE)) changed most explain a change, half
    each.
    """
    size, new_content = core.size, core.new_content
    most, half = shape.argmax(axis=1), np.where(core.changed & ~new_content, size / 2, 0)
    began = np.where(core.changed | new_content, 0, size)
    parts["no_ramp"], parts["volume_for_age"] = began * appeared, began * ~appeared
    parts["output_ratio"] = np.where(new_content, 0, size)
    parts["output_day"] = size + half
    parts["content_shift"] = np.where(new_content, size + core.surplus, 0)
    parts["new_content_ratio"] = np.where(new_content, size, 0)
    for i, name in enumerate(_SHAPE):
        parts[name] = parts.get(name, 0) + np.where(most == i, half, 0)
