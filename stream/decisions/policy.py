"""What is proposed for an alert. It sees the alert and the register, and writes nothing.

The same alert gives the same decision ids, so a proposal that two workers make is one proposal. Of
two canaries for it that counts which is in the state that counts.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Final

from stream.core.decisions import ACTIONS, ENDED, Actor, Limits
from stream.core.errors import DecisionError
from stream.decisions.endings import clears
from stream.decisions.proposal import Proposal, accused, fitting, reason_of, subject_of
from stream.decisions.traffic_share import traffic_share
from stream.decisions.transitions import Stored, approve, undo

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stream.core.alerts import Alert
    from stream.core.decisions import Action, Decision
    from stream.decisions.guard_rails import GuardRails
    from stream.decisions.register import Register
    from stream.decisions.settings import DecisionSettings, PolicyRule

_ID_BYTES: Final = 10
#: Longest proposal and decision of a drill, seconds (assumed: longer than any of its links).
_DRILL_S: Final = 900.0
#: A minute, doubled as often, is longer than any decision lasts.
_MOST_DOUBLED: Final = 30


class Policy:
    """The rules of the settings."""

    def __init__(
        self, settings: DecisionSettings, rails: GuardRails, new_canary: Callable[[], str]
    ) -> None:
        """Take the rules; ``rails`` know who has to approve, ``new_canary`` gives random ones."""
        self._settings = settings
        self._rails = rails
        self._new_canary = new_canary

    def on_alert(
        self,
        alert: Alert,
        register: Register,
        time: float,
        *,
        alerted_at: float | None = None,
        requests_a_day: int | None = None,
    ) -> list[Stored]:
        """Return the states to write: a proposal, its approval, the ends of replaced proposals.

        ``alerted_at``: when the alert was written, epoch seconds. ``requests_a_day``: of all
        accounts, where it is known.
        """
        rule = self._rule(alert)
        if rule is None or alert.status != "firing" or clears(alert.verdict):
            return []
        subject = subject_of(alert)
        known = [one for one in register.states if one.decision.subject == subject]
        repetition = self._repetition(known, time)
        action: Action = rule.then if repetition and rule.then else rule.action
        included = [one for one in known if _is_included(one.decision, alert, action)]
        others = [one for one in known if one not in included]
        accounts = fitting(self._accounts(alert, others, action))
        if not accounts or _is_proposed(accounts, included, action):
            return []
        approved = [one for one in known if one.decision.approved_at is not None]
        longest_s = _DRILL_S if alert.drill else math.inf
        decision = Proposal(
            subject=subject,
            accounts=accounts if subject.kind == "campaign" else (),
            action=action,
            reason=reason_of(alert, alerted_at=alerted_at),
            limits=Limits(canary=self._new_canary()) if action == "mark" else Limits(),
            lasts_s=min(
                rule.for_s * 2.0 ** min(repetition, _MOST_DOUBLED),
                self._settings.longest_s,
                longest_s,
            ),
            traffic_share=traffic_share(alert, len(accounts), requests_a_day),
            replaces=included[-1].decision.key if included else "",
            drill=alert.drill,
        ).state(
            _id(alert.alert_id, action, str(len(approved)), *accounts),
            Actor(kind="policy", name=f"{rule.kind} {rule.severity}"),
            time,
            waits_s=min(self._settings.proposal_s, longest_s),
            people_needed=self._people_needed(action, accounts, approved),
            simulated=self._settings.mode == "observe",
        )
        if register.get(decision.key) is not None:
            return []
        note = f"replaced by {decision.key}"
        replaced = [undo(one, decision.actor, time, note=note) for one in included]
        return [*replaced, *self._proposed(decision, register, time)]

    def _people_needed(
        self, action: Action, accounts: Sequence[str], approved: Sequence[Stored]
    ) -> int:
        """Return how many people approve; at least one where the subject is under action."""
        under_action = any(one.decision.state not in ENDED for one in approved)
        return max(self._rails.people_needed(action, len(accounts)), int(under_action))

    def _proposed(self, decision: Decision, register: Register, time: float) -> list[Stored]:
        proposed = Stored.of(decision)
        if decision.people_needed:
            return [proposed]
        approved = approve(proposed, decision.actor, time)
        try:
            self._rails.check(approved.decision, (one.decision for one in register.states))
        except DecisionError:
            return [proposed]  # a person may make room for it
        return [proposed, approved]

    def _rule(self, alert: Alert) -> PolicyRule | None:
        """Return the rule for an alert; for a drill, always info, the first of its kind."""
        rules = (rule for rule in self._settings.rules if rule.kind == alert.kind)
        return next((one for one in rules if alert.drill or one.severity == alert.severity), None)

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
            for account in accused(alert)
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


def _accounts_of(stored: Stored) -> list[str]:
    return [subject_id for _, subject_id in stored.decision.subjects]


def _id(*parts: str) -> str:
    joined = "\n".join(parts).encode()
    return f"dec_{hashlib.blake2b(joined, digest_size=_ID_BYTES).hexdigest()}"
