"""What enforcers report about decisions, in whatever order and how often reports are read.

A report is cumulative for one run of an enforcer and one gateway: of two of them the one that
counts more requests is the later, and only that one counts. Runs are added, so nothing counts
twice and an enforcer that starts again loses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from stream.core.decisions import ENDED
from stream.core.effects import Applied, Effect, EffectReport, FollowedDecision
from stream.decisions.register import Reading, suspicion_of
from stream.decisions.tokens_not_taken import tokens_not_taken

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.core.decisions import Decision
    from stream.decisions.signature import Signer

#: Enforcers that are named with a decision, those that held it first. Assumed: enough to look at.
MOST_NAMED: Final = 64
_DROPPED: Final = 10

_decode = msgspec.json.Decoder(EffectReport).decode


class EffectBook:
    """The latest report of each run, gateway and decision; mutable.

    Beyond ``most`` reports one in ten is dropped, those of decisions that were held first: their
    decisions have ended, or show less than has been done.
    """

    def __init__(self, signer: Signer, *, most: int) -> None:
        """Start empty."""
        self._signer = signer
        self._most = most
        self._reports: dict[str, dict[str, EffectReport]] = {}  # decision -> key -> report
        self._number = 0
        self.dropped = 0

    def __len__(self) -> int:
        """Return the number of reports."""
        return self._number

    def read(self, key: bytes | None, value: bytes | None, signature: bytes | None) -> Reading:
        """Take in a record, and return what it was."""
        key = key or b""
        suspicion = suspicion_of(self._signer, key, value, signature)
        if suspicion is not None:
            return suspicion
        try:
            report = _decode(value or b"")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return Reading.UNREADABLE
        if report.key.encode() != key:
            return Reading.MISPLACED
        reports = self._reports.setdefault(report.decision_id, {})
        known = reports.get(report.key)
        if known is not None and known.requests >= report.requests:
            return Reading.KNOWN if known == report else Reading.OLDER
        reports[report.key] = report
        self._number += known is None
        if self._number > self._most:
            self._drop()
        return Reading.NEWER

    def requests(self, decision: Decision) -> int:
        """Return how many requests were counted under a decision, whatever happened to them."""
        return sum(one.requests for one in self._of(decision))

    def applied(self, decision: Decision) -> list[Applied]:
        """Return who has held a decision, first one first; simulations apply nothing."""
        at: dict[str, float] = {}
        for one in self._of(decision):
            if not one.simulated:
                at[one.enforcer] = min(at.get(one.enforcer, one.held_at), one.held_at)
        ordered = sorted((time, name) for name, time in at.items())[:MOST_NAMED]
        return [Applied(enforcer=name, at=time) for time, name in ordered]

    def effect(self, decision: Decision, time: float) -> Effect:
        """Return what was done under a decision until ``time`` (epoch seconds)."""
        reports = self._of(decision)
        first = min((one.first_refused_at for one in reports if one.first_refused_at), default=None)
        effect = Effect(
            refused=sum(one.refused_requests for one in reports),
            slowed=sum(one.slowed_requests for one in reports),
            changed=sum(one.changed_requests for one in reports),
            simulated=sum(one.simulated_requests for one in reports),
            first_refused_at=first,
            alert_to_approval_s=alert_to_approval_s(decision),
            approval_to_refusal_s=_between(decision.approved_at, first),
        )
        until = min(time, decision.time if decision.state in ENDED else decision.until)
        return msgspec.structs.replace(
            effect, tokens_not_taken_estimate=tokens_not_taken(decision, effect, until)
        )

    def followed(self, decision: Decision, time: float) -> FollowedDecision:
        """Return a decision with what has come of it until ``time`` (epoch seconds)."""
        return FollowedDecision(
            **{name: getattr(decision, name) for name in decision.__struct_fields__},
            applied=self.applied(decision),
            effect=self.effect(decision, time),
        )

    def _of(self, decision: Decision) -> list[EffectReport]:
        return list(self._reports.get(decision.key, {}).values())

    def _drop(self) -> None:
        """Drop whole decisions: rarely, and not one at a time, because the order costs a sort."""
        order = sorted(self._reports, key=lambda name: (_last(self._reports[name].values()), name))
        wanted = self._number - self._most + self._most // _DROPPED
        for name in order:
            gone = len(self._reports.pop(name))
            self._number -= gone
            self.dropped += gone
            wanted -= gone
            if wanted <= 0:
                return


def alert_to_approval_s(decision: Decision) -> float | None:
    """Return the seconds from the alert to the last needed approval, None without one of them."""
    return _between(decision.reason.alerted_at, decision.approved_at)


def _last(reports: Iterable[EffectReport]) -> float:
    return max(one.held_at for one in reports)


def _between(start: float | None, end: float | None) -> float | None:
    """Return the seconds between two times, 0 where clocks differ, None without one of them."""
    return None if start is None or end is None else max(end - start, 0.0)
