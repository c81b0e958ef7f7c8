"""The one sentence of an alert that a person acts on. Decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stream.core.links import LinkKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.alerts import Degrees
    from stream.core.feedback import Suppression, Verdict
    from stream.core.findings import Evidence, Observed

_LABELLED: Final = {
    "true_positive": "confirmed the attack",
    "false_positive": "marked this as a false positive",
    "benign": "marked this as benign",
    "withdrawn": "withdrew the verdict",
}
_KINDS: Final = {
    LinkKind.SYSTEM_PROMPT: "a system prompt",
    LinkKind.TEMPLATE: "prompt templates",
    LinkKind.PAYMENT: "payments",
    LinkKind.ADDRESS: "addresses",
    LinkKind.CLIENT: "a rare client",
    LinkKind.PHRASE: "rare phrases",
    LinkKind.CHANGE_POINT: "a shift to longer answers",
    LinkKind.CONVERSATION: "conversations that went from one to another",
    LinkKind.NETWORK: "rare networks",
    LinkKind.SUCCESSION: "a succession (some fell silent and others took over)",
    LinkKind.TOPIC: "one narrow topic",
    LinkKind.CUSTOMERS: "a beginning with many customers behind each",
    LinkKind.CONTEXT: "context that went from one to another",
    LinkKind.INDICATOR: "what another operator reported",
}


def account(account_id: str, evidence: Sequence[Evidence], observed: Observed) -> str:
    """Return what an account does and what to do."""
    reason = evidence[0].meaning if evidence else "its traffic differs from that of other accounts"
    return (
        f"Account {account_id} looks like model extraction: {reason} ({_traffic(observed)}); "
        "review its traffic and limit or suspend it."
    )


def campaign(members: Degrees, kinds: Sequence[LinkKind], payments: int, observed: Observed) -> str:
    """Return what the accounts have in common, how sure each is and what to do."""
    shared = [_KINDS[kind] for kind in kinds if kind != LinkKind.PAYMENT]
    if payments > 1:
        shared.append(f"{payments} payments")
    return (
        f"{members.certain + members.likely} coordinated accounts share {_listed(shared)} "
        f"({_traffic(observed)}); {members}; {_remedy(members)}."
    )


def _remedy(members: Degrees) -> str:
    if not members.certain:
        return "review them together, not one by one, and suspend those that you confirm"
    if not members.likely:
        return "review and suspend the certain ones together, not one by one"
    return "review and suspend the certain ones together, not one by one, and review the likely"


def ended(title: str, hours: float) -> str:
    """Return that an incident is over."""
    return f"{title}: resolved after {hours:g} hours without evidence."


def merged(title: str, other: str) -> str:
    """Return that another incident continues this one."""
    return f"{title}: merged into campaign incident {other}."


def labelled(title: str, verdict: Verdict) -> str:
    """Return the verdict of a person on an incident."""
    note = f": {verdict.note}" if verdict.note else ""
    return f"{title}: {verdict.author} {_LABELLED[verdict.label]}{note}."


def suppressed(title: str, suppression: Suppression, until: str) -> str:
    """Return who suppresses an incident, until when and why."""
    return (
        f"{title}: suppressed until {until} by {suppression.author} "
        f"({suppression.suppression_id}): {suppression.reason}."
    )


def _traffic(observed: Observed) -> str:
    return (
        f"{observed.requests:,} requests, {observed.output_tokens:,} output tokens so far, "
        f"{observed.output_tokens_last_hour:,} of them in the last hour"
    )


def _listed(parts: Sequence[str]) -> str:
    if len(parts) < 2:  # noqa: PLR2004 - nothing to join
        return "".join(parts) or "rare values"
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
