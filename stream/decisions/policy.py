"""What is proposed for an alert. It sees the alert and the register, and writes nothing.

The same alert gives the same decision ids, so a proposal that two workers make is one proposal.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from stream.core.decisions import ACTIONS, ENDED, Actor, Decision, DecisionSubject, Reason
from stream.decisions.endings import clears
from stream.decisions.transitions import Stored, approve, undo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.alerts import Alert
    from stream.core.decisions import Action
    from stream.decisions.guard_rails import GuardRails
    from stream.decisions.register import Register
    from stream.decisions.settings import DecisionSettings, PolicyRule

_ID_BYTES: Final = 10
_MOST_EVIDENCE: Final = 32
_MOST_TEXT: Final = 1000


class Policy:
    """The rules of the settings."""

    def __init__(self, settings: DecisionSettings, rails: GuardRails) -> None:
        """Take the rules; ``rails`` know who has to approve."""
        self._settings = settings
        self._rails = rails

    def on_alert(self, alert: Alert, register: Register, time: float) -> list[Stored]:
        """Return the states to write: a proposal, its approval, the ends of replaced proposals."""
        rule = self._rule(alert)
        if rule is None or alert.status != "firing" or clears(alert.verdict):
            return []
        subject = DecisionSubject(kind=alert.kind, id=alert.campaign_id or alert.account_id or "")
        known = [one for one in register.states if one.decision.subject == subject]
        repetition = self._repetition(known, time)
        action: Action = rule.then if repetition and rule.then else rule.action
        included = [one for one in known if _is_included(one.decision, alert, action)]
        others = [one for one in known if one not in included]
        accounts = self._accounts(alert, others, action)
        if not accounts or _is_proposed(accounts, included, action):
            return []
        approved = [one for one in known if one.decision.approved_at is not None]
        decision = Decision(
            decision_id=_id(alert.alert_id, action, str(len(approved)), *accounts),
            sequence=1,
            state="proposed",
            subject=subject,
            accounts=accounts if subject.kind == "campaign" else [],
            action=action,
            reason=_reason(alert),
            lasts_s=min(rule.for_s * 2.0**repetition, self._settings.longest_s),
            until=time + self._settings.proposal_s,
            proposed_by=_actor(rule),
            proposed_at=time,
            people_needed=self._people_needed(action, accounts, approved),
            simulated=self._settings.mode == "observe" or alert.drill,
            drill=alert.drill,
            actor=_actor(rule),
            time=time,
        )
        if register.get(decision.key) is not None:
            return []
        note = f"replaced by {decision.key}"
        replaced = [undo(one, decision.actor, time, note=note) for one in included]
        return [*replaced, *self._proposed(decision, time)]

    def _people_needed(
        self, action: Action, accounts: Sequence[str], approved: Sequence[Stored]
    ) -> int:
        """Return how many people approve; at least one where the subject is under action."""
        under_action = any(one.decision.state not in ENDED for one in approved)
        return max(self._rails.people_needed(action, len(accounts)), int(under_action))

    def _proposed(self, decision: Decision, time: float) -> list[Stored]:
        proposed = Stored.of(decision)
        if decision.people_needed:
            return [proposed]
        return [proposed, approve(proposed, decision.actor, time)]

    def _rule(self, alert: Alert) -> PolicyRule | None:
        wanted = alert.kind, alert.severity
        rules = self._settings.rules
        return next((rule for rule in rules if (rule.kind, rule.severity) == wanted), None)

    def _repetition(self, known: Sequence[Stored], time: float) -> int:
        """Return how many decisions about the subject have run their time lately."""
        since = time - self._settings.repeated_within_s
        return sum(
            one.decision.state == "expired" and (one.decision.approved_at or 0.0) > since
            for one in known
        )

    def _accounts(self, alert: Alert, others: Sequence[Stored], action: Action) -> list[str]:
        """Return the accounts that no other decision as strong is about, ascending.

        What a person refused or undid for this incident is not proposed again as it was.
        """
        settled = {
            account
            for one in others
            if _settles(one.decision, alert, action)
            for account in _accounts_of(one)
        }
        return [
            account
            for account in sorted(_accused(alert))
            if account not in settled and not self._rails.is_allowed(account)
        ]


def _is_included(decision: Decision, alert: Alert, action: Action) -> bool:
    """Return whether a new proposal for the alert takes the place of this one."""
    same = decision.state == "proposed" and decision.reason.alert_id == alert.alert_id
    return same and not decision.approved_by and decision.strength <= ACTIONS.index(action)


def _is_proposed(accounts: Sequence[str], included: Sequence[Stored], action: Action) -> bool:
    same = (one for one in included if one.decision.action == action)
    return {*accounts} <= {account for one in same for account in _accounts_of(one)}


def _settles(decision: Decision, alert: Alert, action: Action) -> bool:
    ended = decision.state in ENDED
    by_a_person = decision.state in {"refused", "undone"} and decision.actor.kind != "policy"
    counts = not ended or (by_a_person and decision.reason.alert_id == alert.alert_id)
    return counts and decision.strength >= ACTIONS.index(action)


def _accused(alert: Alert) -> list[str]:
    """Return the account, or a campaign's certain members."""
    if alert.kind == "account":
        return [alert.account_id] if alert.account_id else []
    ids = alert.account_ids or []
    certain = [group.members for group in alert.members if group.degree == "certain"]
    return [ids[position] for members in certain for position in members if position < len(ids)]


def _accounts_of(stored: Stored) -> list[str]:
    return [subject_id for _, subject_id in stored.decision.subjects]


def _reason(alert: Alert) -> Reason:
    return Reason(
        alert_id=alert.alert_id,
        summary=alert.summary[:_MOST_TEXT],
        evidence=[one.feature for one in alert.evidence[:_MOST_EVIDENCE]],
        model_version=alert.model_version,
    )


def _actor(rule: PolicyRule) -> Actor:
    return Actor(kind="policy", name=f"{rule.kind} {rule.severity}")


def _id(*parts: str) -> str:
    joined = "\n".join(parts).encode()
    return f"dec_{hashlib.blake2b(joined, digest_size=_ID_BYTES).hexdigest()}"
