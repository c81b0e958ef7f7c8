"""What ends decisions without a command: a person's verdict on the incident, and time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stream.core.decisions import ENDED, Actor
from stream.decisions.transitions import Stored, expire, undo

if TYPE_CHECKING:
    from stream.core.feedback import Verdict
    from stream.decisions.register import Register

_CLOCK: Final = Actor(kind="clock", name="expiry")
#: Verdicts after which nothing is done about an incident.
_CLEARING: Final = frozenset({"false_positive", "benign"})
_MOST_TEXT: Final = 1000


def clears(verdict: Verdict | None) -> bool:
    """Return whether a person has found an incident harmless."""
    return verdict is not None and verdict.label in _CLEARING


def on_verdict(verdict: Verdict, register: Register, time: float) -> list[Stored]:
    """Return the ends of all decisions on an incident that a person has found harmless."""
    if not clears(verdict):
        return []
    actor = Actor(kind="verdict", name=verdict.author)
    note = f"{verdict.label}: {verdict.note}"[:_MOST_TEXT]
    return [
        undo(one, actor, time, note=note)
        for one in register.states
        if one.decision.reason.alert_id == verdict.alert_id
        and one.decision.state not in ENDED
        # What people decide after the verdict, they decide knowing it.
        and one.decision.proposed_at <= verdict.time
    ]


def on_time(register: Register, time: float) -> list[Stored]:
    """Return the ends of all decisions whose time is over."""
    return [
        expire(one, _CLOCK, time)
        for one in register.states
        if one.decision.until <= time and one.decision.state not in ENDED
    ]
