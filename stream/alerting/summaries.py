"""The one sentence of an alert that a person acts on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stream.core.links import LinkKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.feedback import Suppression, Verdict
    from stream.core.findings import Evidence, Observed

_SAID: Final = {
    "true_positive": "confirmed this",
    "false_positive": "judged this a false positive",
    "benign": "judged this benign",
    "withdrawn": "has withdrawn the verdict",
}
_KINDS: Final = {
    LinkKind.SYSTEM_PROMPT: "a system prompt",
    LinkKind.TEMPLATE: "prompt templates",
    LinkKind.PAYMENT: "payments",
    LinkKind.ADDRESS: "addresses",
    LinkKind.CLIENT: "a rare client",
    LinkKind.PHRASE: "the items they ask",
    LinkKind.TURN: "a turn to longer answers",
}


def account(account_id: str, evidence: Sequence[Evidence], observed: Observed) -> str:
    """Say what an account does and what to do."""
    reason = evidence[0].meaning if evidence else "its traffic is unlike that of other accounts"
    return (
        f"Account {account_id} looks like model extraction: {reason} ({_traffic(observed)}); "
        "review its traffic and limit or suspend it."
    )


def campaign(members: int, kinds: Sequence[LinkKind], payments: int, observed: Observed) -> str:
    """Say what the accounts have in common and what to do."""
    shared = [_KINDS[kind] for kind in kinds if kind != LinkKind.PAYMENT]
    if payments > 1:
        shared.append(f"{payments} payments")
    return (
        f"{members} accounts act as one and share {_listed(shared)} ({_traffic(observed)}); "
        "review them together and suspend them at once, not one by one."
    )


def ended(what: str, hours: float) -> str:
    """Say that an incident is over."""
    return f"{what}: no evidence for {hours:g} hours; the incident is over."


def merged(what: str, other: str) -> str:
    """Say that an incident goes on as another one."""
    return f"{what} belongs to campaign incident {other}, which goes on; this one is closed."


def judged(what: str, verdict: Verdict) -> str:
    """Say what a person has said of an incident."""
    note = f": {verdict.note}" if verdict.note else ""
    return f"{what}: {verdict.author} {_SAID[verdict.label]}{note}."


def suppressed(what: str, suppression: Suppression, until: str) -> str:
    """Say that an incident is hidden, by whom and for how long."""
    return (
        f"{what}: hidden until {until} by suppression {suppression.suppression_id} of "
        f"{suppression.author}: {suppression.reason}."
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
