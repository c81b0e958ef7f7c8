"""How a decision changes: each function returns the next state, or refuses with a reason.

::

    proposed ──approve──▶ approved ──applied──▶ active
       │ └─refuse─▶ refused   └────┬──────────────┘
       │                           ├─undo──▶ undone
       └────────────expire─────────┴─expire─▶ expired
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from stream.core.decisions import ENDED, IN_FORCE, Actor, Decision
from stream.core.errors import DecisionError
from stream.core.rfc3339 import rfc3339
from stream.decisions.signature import digest

if TYPE_CHECKING:
    from stream.core.decisions import DecisionState

#: Which states may follow each state.
NEXT: Final[dict[DecisionState, frozenset[DecisionState]]] = {
    "proposed": frozenset({"proposed", "approved", "refused", "undone", "expired"}),
    "approved": frozenset({"active", "undone", "expired"}),
    "active": frozenset({"undone", "expired"}),
    "expired": frozenset(),
    "undone": frozenset(),
    "refused": frozenset(),
}


@dataclass(frozen=True, slots=True)
class Stored:
    """A state and the bytes that it was written as."""

    decision: Decision
    value: bytes

    @classmethod
    def of(cls, decision: Decision) -> Stored:
        """Return a state as it will be written."""
        return cls(decision, msgspec.json.encode(decision))


def approve(
    known: Stored,
    actor: Actor,
    time: float,
    *,
    simulated: bool = False,
    note: str = "",
    people_needed: int = 0,
    longest_s: float = math.inf,
) -> Stored:
    """Approve: the decision is in force once as many people as it needs have approved.

    ``simulated``: it is then served and counted, and carried out by no gateway.
    ``people_needed`` and ``longest_s``: what the guard rails want by now, where it is stricter.
    """
    decision = known.decision
    # A clock that is behind puts no decision into a day before its proposal.
    time = max(time, decision.time)
    if decision.state != "proposed":
        raise DecisionError(f"{decision.key} is {decision.state}: only a proposal can be approved")
    if decision.until <= time:
        raise DecisionError(f"{decision.key} ended at {rfc3339(decision.until)}")
    if _same_person(actor) in map(_same_person, decision.approved_by):
        raise DecisionError(f"{decision.key}: {actor.name} has approved it already")
    approvers = [*decision.approved_by, actor]
    needed = max(decision.people_needed, people_needed)
    changes = {"approved_by": approvers, "people_needed": needed, "note": note}
    if sum(one.kind == "person" for one in approvers) < needed:
        return _next(known, "proposed", actor, time, **changes)
    return _next(
        known,
        "approved",
        actor,
        time,
        approved_at=time,
        until=time + min(decision.lasts_s, longest_s),
        simulated=decision.simulated or simulated,
        **changes,
    )


def refuse(known: Stored, actor: Actor, time: float, *, note: str = "") -> Stored:
    """Refuse a proposal."""
    if known.decision.state != "proposed":
        raise DecisionError(
            f"{known.decision.key} is {known.decision.state}: only a proposal can be refused; "
            "`distillwatch undo` ends a decision in force"
        )
    return _next(known, "refused", actor, time, note=note)


def undo(known: Stored, actor: Actor, time: float, *, note: str = "") -> Stored:
    """End a decision, whatever it is, before its time."""
    if known.decision.state in ENDED:
        raise DecisionError(f"{known.decision.key} is {known.decision.state} already")
    return _next(known, "undone", actor, time, note=note)


def expire(known: Stored, actor: Actor, time: float) -> Stored:
    """End a decision whose time is over."""
    decision = known.decision
    if decision.state in ENDED or decision.until > time:
        raise DecisionError(f"{decision.key} does not end now")
    return _next(known, "expired", actor, time)


def applied(known: Stored, actor: Actor, time: float) -> Stored:
    """Note that a gateway has begun to carry the decision out."""
    if known.decision.state != "approved":
        raise DecisionError(f"{known.decision.key} is {known.decision.state}, not approved")
    return _next(known, "active", actor, time)


def in_force(decision: Decision, time: float) -> bool:
    """Return whether a decision counts at ``time``, simulated ones included."""
    return decision.state in IN_FORCE and decision.until > time


def _same_person(actor: Actor) -> tuple[str, str]:
    """Return what is the same however a person writes a name: case, width, and what is not seen."""
    name = unicodedata.normalize("NFKC", actor.name).casefold()
    return actor.kind, "".join(one for one in name if one.isprintable() and not one.isspace())


def _next(
    known: Stored, state: DecisionState, actor: Actor, time: float, **changes: object
) -> Stored:
    decision = known.decision
    changed: dict[str, object] = {
        "note": "",
        **changes,
        "state": state,
        "actor": actor,
        # Clocks differ: a state is never older than the one before it.
        "time": max(time, decision.time),
        "sequence": decision.sequence + 1,
        "previous": digest(known.value),
    }
    return Stored.of(msgspec.structs.replace(decision, **changed))
