"""Counts, per decision, what the enforcer has answered a gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.core.effects import EffectKind
    from stream.decisions.tallies import Tallies
    from stream.http.enforcer.carrying_out import Handling


def count_answer(
    tallies: Tallies, gateway: str, outcome: Handling, time: float, *, guardrail: bool = False
) -> None:
    """Count one answer to a request; a ``guardrail`` changes a request only by an instruction."""
    found = outcome.treatment
    if not found.carried and not found.simulated:
        return
    for kind, decisions in _effects(outcome, guardrail=guardrail):
        for decision_id in decisions:
            tallies.count(gateway, decision_id, kind, 1, time)
    for decision_id in found.simulated:
        tallies.count(gateway, decision_id, "simulated", 1, time)


def _effects(outcome: Handling, *, guardrail: bool) -> Iterable[tuple[EffectKind, list[str]]]:
    found = outcome.treatment
    if outcome.answer == "refused" and found.refused:  # and not because the state is too old
        yield "refused", [found.decision_id]
    elif outcome.answer == "throttled":
        yield "slowed", [found.throttled_by]
    elif guardrail:
        marked = (name for name, action in found.carried if action == "mark")
        yield "changed", list(marked) if found.instruction else []
    else:
        yield "changed", [name for name, _ in found.carried]
