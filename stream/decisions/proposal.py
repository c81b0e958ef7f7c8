"""What is proposed, before anyone has an opinion on it, and the first state that it becomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from stream.core.decisions import (
    Decision,
    DecisionSubject,
    Limits,
    Reason,
    TrafficBefore,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.alerts import Alert
    from stream.core.decisions import Action, Actor

_MOST_EVIDENCE: Final = 32
_MOST_TEXT: Final = 1000
_MOST: Final = 10**15
#: Bytes of the accounts of one decision. Its audit entry escapes quotes once more, and both have to
#: stay below what producers and brokers take by default, 1 MiB: the keeper writes both.
MOST_ACCOUNT_BYTES: Final = 400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Subject, action, reason and duration."""

    subject: DecisionSubject
    accounts: Sequence[str] = ()  # of a campaign, ascending
    action: Action
    reason: Reason
    lasts_s: float
    limits: Limits = field(default_factory=Limits)
    traffic_share: float | None = None
    replaces: str = ""  # id of the proposal that it includes
    drill: bool = False

    def state(
        self,
        decision_id: str,
        actor: Actor,
        time: float,
        *,
        waits_s: float,
        people_needed: int,
        simulated: bool,
    ) -> Decision:
        """Return the first state; it is waited for ``waits_s`` seconds."""
        return Decision(
            decision_id=decision_id,
            sequence=1,
            state="proposed",
            subject=self.subject,
            accounts=list(self.accounts),
            action=self.action,
            limits=self.limits,
            reason=self.reason,
            lasts_s=self.lasts_s,
            until=time + waits_s,
            proposed_by=actor,
            proposed_at=time,
            people_needed=people_needed,
            traffic_share=self.traffic_share,
            replaces=self.replaces,
            simulated=simulated or self.drill,
            drill=self.drill,
            actor=actor,
            time=time,
        )


def subject_of(alert: Alert) -> DecisionSubject:
    """Return the account or the campaign that an alert is about."""
    return DecisionSubject(kind=alert.kind, id=alert.campaign_id or alert.account_id or "")


def accused(alert: Alert) -> list[str]:
    """Return the account of an alert, or a campaign's certain members, ascending."""
    if alert.kind == "account":
        return [alert.account_id] if alert.account_id else []
    ids = alert.account_ids or []
    certain = [group.members for group in alert.members if group.degree == "certain"]
    return sorted(ids[place] for members in certain for place in members if place < len(ids))


def fitting(accounts: Sequence[str]) -> list[str]:
    """Return the first accounts that one decision has room for; the others need another one."""
    room, found = MOST_ACCOUNT_BYTES, []
    for account in accounts:
        room -= len(msgspec.json.encode(account)) + 1
        if room < 0:
            break
        found.append(account)
    return found


def reason_of(alert: Alert, note: str = "", *, alerted_at: float | None = None) -> Reason:
    """Return an alert as a reason, with a person's words; ``alerted_at``: when it was written."""
    observed = alert.observed
    return Reason(
        alert_id=alert.alert_id,
        summary=alert.summary[:_MOST_TEXT],
        evidence=[one.feature for one in alert.evidence[:_MOST_EVIDENCE]],
        model_version=alert.model_version,
        note=note,
        alerted_at=alerted_at,
        before=TrafficBefore(
            accounts=max(len(alert.account_ids or []), 1),
            requests=_amount(observed.requests),
            output_tokens=_amount(observed.output_tokens),
            output_tokens_last_hour=_amount(observed.output_tokens_last_hour),
        ),
    )


def _amount(number: int) -> int:
    """Return an alert's figure within what a decision may hold."""
    return min(max(number, 0), _MOST)
