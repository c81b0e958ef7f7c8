"""Limits of a gateway's own key management, by which it carries decisions out.

A limit is a number of requests a minute: 0 blocks, None is no limit. Whatever a limit of ours takes
the place of is kept beside it in a mark, so that the gateway itself has all that an undo needs::

    what an administrator set last   what decisions want   what the gateway has
    --------------------------------------------------------------------------
    None or above                    a limit               the limit, and a mark
    the limit or below               a limit               what the administrator set
    anything                         nothing               what the administrator set

So a decision holds as long as it lasts, also against an administrator's change, and what the
administrator set meanwhile counts afterwards. A change to exactly our limit looks like ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, Literal, get_args

import msgspec
from msgspec import Meta

from stream.core.decisions import DECISION_ID, Action
from stream.decisions.treatment import treatment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stream.core.decisions import Decision
    from stream.decisions.treatment import TreatmentDefaults

LimitName = Literal["block", "rate"]
LIMIT_NAMES: Final[tuple[LimitName, ...]] = get_args(LimitName)
_BY_ACTION: Final[dict[Action, LimitName]] = {"suspend": "block", "throttle": "rate"}
#: Nothing that a gateway has to do, so nothing that it cannot.
_NOTHING: Final = frozenset[Action]({"watch"})
#: Decisions that a mark names; assumed: an account has few. The strongest count.
MOST_DECISIONS: Final = 16
_Limit = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class LimitMark(msgspec.Struct, frozen=True, kw_only=True):
    """What we set at the gateway, and what was there before."""

    set: _Limit
    before: _Limit | None
    decisions: Annotated[
        list[Annotated[str, Meta(pattern=DECISION_ID)]], Meta(max_length=MOST_DECISIONS)
    ]
    until: Annotated[float, Meta(gt=0, lt=1e11)]  # epoch seconds, when the last of them ends


@dataclass(frozen=True, slots=True)
class WantedLimit:
    """What decisions in force want of one limit; ``until`` in epoch seconds."""

    limit: int
    decisions: tuple[str, ...]
    until: float


@dataclass(frozen=True, slots=True)
class WantedLimits:
    """What decisions want for one account: limits, and whether more than a gateway can do."""

    limits: Mapping[LimitName, WantedLimit]
    person: str  # who approved the strongest, empty without limits
    is_partly_unsupported: bool


@dataclass(frozen=True, slots=True)
class LimitState:
    """One limit as a gateway has it. ``occupied``: by what we must not change."""

    limit: int | None = None
    mark: LimitMark | None = None
    occupied: bool = False


def wanted_limits(
    decisions: Sequence[Decision], defaults: TreatmentDefaults, *, observing: bool
) -> WantedLimits | None:
    """Return what decisions about one account, strongest first, want; None: nothing."""
    carried = [one for one in decisions if not (observing or one.simulated)]
    if not carried:
        return None
    found = treatment(carried, defaults)
    limits = {"block": 0 if found.refused else None, "rate": found.requests_per_minute}
    wanted: dict[LimitName, WantedLimit] = {}
    for action, name in _BY_ACTION.items():
        limit = limits[name]
        own = [one for one in carried if one.action == action][:MOST_DECISIONS]
        if limit is not None and own:
            until = max(one.until for one in own)
            wanted[name] = WantedLimit(limit, tuple(one.key for one in own), until)
    strongest = next((one for one in carried if one.action in _BY_ACTION), None)
    people = [one.name for one in strongest.approved_by] if strongest else []
    return WantedLimits(
        wanted,
        person=people[-1] if people else "",
        is_partly_unsupported=any(_is_unsupported(one) for one in carried),
    )


def next_state(
    has: LimitState,
    wanted: WantedLimit | None,
    time: float,
    is_over: Callable[[str], bool],
) -> LimitState:
    """Return what the gateway should have; equal to ``has``: nothing is to be written.

    ``is_over`` gets the id of a decision and returns whether it has ended. Marks with others, of
    another deployment or a topic that cannot be read, stay until their time is over.
    """
    mark = has.mark
    administrators = mark.before if mark and has.limit == mark.set else has.limit
    if wanted is None:
        if mark and not (mark.until <= time or all(map(is_over, mark.decisions))):
            return has
        return LimitState(administrators, None, has.occupied)
    if administrators is not None and administrators <= wanted.limit:
        return LimitState(administrators, None, has.occupied)
    named = set(mark.decisions) if mark else set()
    if mark and has.limit == mark.set == wanted.limit and named >= set(wanted.decisions):
        return has
    new = LimitMark(
        set=wanted.limit,
        before=administrators,
        decisions=list(wanted.decisions),
        until=wanted.until,
    )
    return LimitState(wanted.limit, new, has.occupied)


def _is_unsupported(decision: Decision) -> bool:
    """Return whether a decision wants what no limit can express."""
    if decision.action in _BY_ACTION:
        return decision.limits.output_tokens is not None
    return decision.action not in _NOTHING
