"""A decision as one line for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.core.rfc3339 import rfc3339

if TYPE_CHECKING:
    from stream.core.decisions import Decision


def line(decision: Decision) -> str:
    """Return id, state, action, subject, end, people and reason."""
    parts = [
        decision.key,
        f"{decision.state}{' (simulated)' if decision.simulated else ''}",
        decision.action,
        f"{decision.subject.kind} {decision.subject.id}",
    ]
    if decision.accounts:
        parts.append(f"({len(decision.accounts):,} accounts)")
    parts += [f"until {rfc3339(decision.until)}", _people(decision)]
    why = decision.note or decision.reason.note or decision.reason.summary
    return " ".join(part for part in parts if part) + (f": {why}" if why else "")


def _people(decision: Decision) -> str:
    names = [one.name for one in decision.approved_by if one.kind == "person"]
    if decision.state != "proposed":
        return f"by {decision.actor.name}"
    needed = decision.people_needed - len(names)
    by = f"proposed by {decision.proposed_by.name}"
    approved = f", approved by {', '.join(names)}" if names else ""
    return f"{by}{approved}, needs {needed} more approval{'s' if needed != 1 else ''}"
