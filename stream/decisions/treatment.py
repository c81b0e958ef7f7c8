"""How a caller is treated under the decisions in force about it: one answer for all gateways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stream.core.canaries import PLACEHOLDER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.decisions import Action, Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class TreatmentDefaults:
    """What decisions that name no limits of their own use; empty: the action does nothing."""

    requests_per_minute: int
    model: str
    instruction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """Everything that a gateway does with a request of one caller."""

    tier: Action | None = None  # the strongest action, None: as everyone
    decision_id: str = ""  # of the strongest action
    until: float = 0.0  # of that decision, epoch seconds
    refused: bool = False
    requests_per_minute: int | None = None
    output_tokens: int | None = None
    model: str = ""
    hides_reasoning: bool = False
    instruction: str = ""
    carried: tuple[tuple[str, Action], ...] = ()  # ids and actions of all that apply
    throttled_by: str = ""  # id of the one whose rate counts
    simulated: tuple[str, ...] = ()  # ids of those that are counted only


AS_EVERYONE: Final = Treatment()


def treatment(
    decisions: Sequence[Decision], defaults: TreatmentDefaults, *, observing: bool = False
) -> Treatment:
    """Return what decisions about a caller, strongest first, amount to.

    Each action applies by its strongest decision's limits. Simulated ones are counted only, and
    while ``observing`` all are.
    """
    if not decisions:
        return AS_EVERYONE
    carried = [one for one in decisions if not (observing or one.simulated)]
    simulated = tuple(one.key for one in decisions if observing or one.simulated)
    if not carried:
        return Treatment(simulated=simulated)
    first: dict[Action, Decision] = {}
    for one in carried:
        first.setdefault(one.action, one)
    strongest = carried[0]
    rate, throttled_by = _slowest(carried, defaults)
    return Treatment(
        tier=strongest.action,
        decision_id=strongest.key,
        until=strongest.until,
        refused="suspend" in first,
        requests_per_minute=rate,
        output_tokens=_shortest(carried),
        model=_model(first, defaults),
        hides_reasoning="hide_reasoning" in first,
        instruction=_instruction(first, defaults),
        carried=tuple((one.key, one.action) for one in carried),
        throttled_by=throttled_by,
        simulated=simulated,
    )


def _slowest(decisions: Sequence[Decision], defaults: TreatmentDefaults) -> tuple[int | None, str]:
    """Return the lowest rate and the decision that has it."""
    limits = (
        (one.limits.requests_per_minute or defaults.requests_per_minute, one.key)
        for one in decisions
        if one.action == "throttle"
    )
    return min(limits, default=(None, ""))


def _shortest(decisions: Sequence[Decision]) -> int | None:
    limits = (one.limits.output_tokens for one in decisions if one.action == "throttle")
    return min(filter(None, limits), default=None)


def _model(first: dict[Action, Decision], defaults: TreatmentDefaults) -> str:
    rerouted = first.get("reroute")
    return (rerouted.limits.model or defaults.model) if rerouted else ""


def _instruction(first: dict[Action, Decision], defaults: TreatmentDefaults) -> str:
    marked = first.get("mark")
    return instruction_of(marked, defaults) if marked else ""


def instruction_of(marked: Decision, defaults: TreatmentDefaults) -> str:
    """Return what is added under a decision to mark, with its canary; empty: nothing is.

    A default with a place for a canary is of no use to a decision that has none.
    """
    limits = marked.limits
    if limits.instruction or PLACEHOLDER not in defaults.instruction:
        return limits.instruction or defaults.instruction
    return defaults.instruction.replace(PLACEHOLDER, limits.canary) if limits.canary else ""
