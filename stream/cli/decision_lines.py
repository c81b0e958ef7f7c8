"""A decision as one line for people, and with all that has come of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.core.effects import FollowedDecision
from stream.core.plain_text import plain
from stream.core.rfc3339 import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.core.decisions import Decision
    from stream.core.effects import Effect


def line(decision: Decision) -> str:
    """Return id, state, action, subject, end, people, what it did so far, and reason."""
    parts = [
        decision.key,
        f"{decision.state}{' (simulated)' if decision.simulated else ''}",
        decision.action,
        f"{decision.subject.kind} {decision.subject.id}",
    ]
    if decision.accounts:
        parts.append(f"({len(decision.accounts):,} accounts)")
    parts += [f"until {rfc3339(decision.until)}", _people(decision)]
    if isinstance(decision, FollowedDecision) and (done := ", ".join(_done(decision.effect))):
        parts.append(f"({done})")
    why = decision.note or decision.reason.note or decision.reason.summary
    return plain(" ".join(part for part in parts if part) + (f": {why}" if why else ""))


def details(decision: FollowedDecision) -> str:
    """Return a decision and what has come of it, a line for each thing."""
    effect = decision.effect
    approved = [one.name for one in decision.approved_by]
    lines = {
        "decision": line(decision),
        "proposed": f"{rfc3339(decision.proposed_at)} by {decision.proposed_by.name}",
        "approved": f"{_time(decision.approved_at)} by {', '.join(approved)}" if approved else "",
        "alert": decision.reason.alert_id,
        "instruction": decision.limits.instruction or "",
        "canary": decision.limits.canary or "",
        "alert to approval": _seconds(effect.alert_to_approval_s),
        "approval to first refusal": _seconds(effect.approval_to_refusal_s),
        "effect": ", ".join(_done(effect)) or "none so far",
    }
    held = [f"applied: {rfc3339(one.at)} by {one.enforcer}" for one in decision.applied]
    shown = [*(f"{name}: {text}" for name, text in lines.items() if text), *held]
    return "\n".join(map(plain, shown))


def _done(effect: Effect) -> Iterator[str]:
    counts = {
        "refused": effect.refused,
        "slowed": effect.slowed,
        "changed": effect.changed,
        "only counted": effect.simulated,
    }
    yield from (f"{number:,} {word}" for word, number in counts.items() if number)
    if effect.tokens_not_taken_estimate:
        yield f"about {effect.tokens_not_taken_estimate:,} output tokens not taken (estimate)"


def _time(time: float | None) -> str:
    return "" if time is None else rfc3339(time)


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:,.1f} s"


def _people(decision: Decision) -> str:
    names = [one.name for one in decision.approved_by if one.kind == "person"]
    if decision.state == "active":
        return f"by {', '.join(one.name for one in decision.approved_by)}"
    if decision.state != "proposed":
        return f"by {decision.actor.name}"
    needed = decision.people_needed - len(names)
    by = f"proposed by {decision.proposed_by.name}"
    approved = f", approved by {', '.join(names)}" if names else ""
    return f"{by}{approved}, needs {needed} more approval{'s' if needed != 1 else ''}"
