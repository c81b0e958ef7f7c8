"""The statement of reasons that a customer may be given, without a word about the detector.

Its parts follow Regulation (EU) 2022/2065, article 17: the restriction, its reach and duration, the
ground, whether automated means were used, and how to contest it. It names no feature, no score, no
other account and no alert, so that it is no help in evading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stream.core.rfc3339 import rfc3339

if TYPE_CHECKING:
    from stream.core.decisions import Action, Decision, DecisionState

_RESTRICTION: Final[dict[Action, str]] = {
    "watch": "Requests of the account are reviewed more closely. Nothing is restricted.",
    "verify": "The account has to confirm its identity.",
    "throttle": "The account may send fewer requests a minute than before.",
    "hide_reasoning": "Answers to the account no longer show the model's reasoning.",
    "mark": "Answers to the account may follow an additional instruction.",
    "reroute": "Requests of the account are answered by another model.",
    "suspend": "Requests of the account are refused.",
}
_SHORTER: Final = " Its answers are shorter than before."
_STATE: Final[dict[DecisionState, str]] = {
    "proposed": "It is proposed and not in force.",
    "approved": "It is in force since {approved} and ends at {until}.",
    "active": "It is in force since {approved} and ends at {until}.",
    "expired": "It ended at {until}.",
    "undone": "It was lifted at {changed}.",
    "refused": "It was proposed, and rejected at {changed}.",
}
_GROUND: Final = (
    "The use of the account looks like a systematic collection of model outputs, which the terms "
    "of use do not allow."
)
_TOGETHER: Final = " It was considered together with other accounts that act alike."


def statement(decision: Decision, *, contact: str) -> str:
    """Return the statement as text; ``contact``: where a customer contests the decision."""
    lines = {
        "Decision": decision.decision_id,
        "Restriction": _restriction(decision),
        "State": _state(decision),
        "Ground": _GROUND + (_TOGETHER if decision.subject.kind == "campaign" else ""),
        "Automated means": _means(decision),
        "Contest": contact or "Reply to the message that this statement came with.",
    }
    return "\n".join(f"{name}: {text}" for name, text in lines.items())


def _restriction(decision: Decision) -> str:
    shorter = decision.action == "throttle" and decision.limits.output_tokens
    return _RESTRICTION[decision.action] + (_SHORTER if shorter else "")


def _state(decision: Decision) -> str:
    simulated = " No gateway carries it out: it is a trial." if decision.simulated else ""
    return (
        _STATE[decision.state].format(
            approved=rfc3339(decision.approved_at or decision.time),
            until=rfc3339(decision.until),
            changed=rfc3339(decision.time),
        )
        + simulated
    )


def _means(decision: Decision) -> str:
    found = (
        "A person proposed the decision."
        if decision.proposed_by.kind == "person"
        else "An automated analysis of request records proposed the decision."
    )
    people = sum(one.kind == "person" for one in decision.approved_by)
    if people:
        return f"{found} {'A person' if people == 1 else f'{people} people'} approved it."
    return f"{found} No person has reviewed it yet."
