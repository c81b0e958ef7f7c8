"""One incident of a report with its decisions, and what follows from both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stream.core.egress import SMALLEST_GROUP
from stream.core.rfc3339 import rfc3339
from stream.decisions.effect_book import alert_to_approval_s
from stream.oversight.campaign_groups import shown_groups
from stream.oversight.report import CampaignRow, LeakedShare, NetworkGroup, Networks
from stream.oversight.sums import DecisionOutcome, action_counts, effect_sum

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from stream.core.feedback import VerdictLabel
    from stream.oversight.incident_states import IncidentFigures, IncidentStates


#: Verdicts by which an incident is no campaign.
HARMLESS: Final = frozenset({"false_positive", "benign"})


@dataclass(frozen=True, slots=True)
class ReportedIncident:
    """An incident, the verdict on it, and the decisions that it led to."""

    states: IncidentStates
    verdict: VerdictLabel | None
    outcomes: Sequence[DecisionOutcome]

    @property
    def newest(self) -> IncidentFigures:
        """Return its newest state."""
        return self.states.newest

    @property
    def accounts(self) -> int:
        """Return the number of accounts that it accuses."""
        return self.newest.certain + self.newest.likely

    @property
    def cleared(self) -> bool:
        """Return whether a person has found it harmless."""
        return self.verdict in HARMLESS

    @property
    def detect_s(self) -> float:
        """Return the seconds from the first evidence to the first alert."""
        return max(self.newest.detected - self.newest.started, 0.0)

    @property
    def decide_s(self) -> float | None:
        """Return the seconds from the alert to the first complete approval."""
        return self._first(lambda one: alert_to_approval_s(one.decision))

    @property
    def enforce_s(self) -> float | None:
        """Return the seconds from an approval until an enforcer held the decision."""
        return self._first(lambda one: _between(one.decision.approved_at, one.held_at))

    @property
    def refuse_s(self) -> float | None:
        """Return the seconds from an approval to the first request refused or slowed."""
        return self._first(lambda one: one.effect.approval_to_refusal_s)

    def _first(self, value: Callable[[DecisionOutcome], float | None]) -> float | None:
        """Return the value of the decision that was approved first, of those that have one."""
        found = [
            (one.decision.approved_at, one.decision.key, seconds)
            for one in self.outcomes
            if one.decision.approved_at is not None and (seconds := value(one)) is not None
        ]
        return min(found)[-1] if found else None

    def leaked_before_alert(self) -> float | None:
        """Return the share of the output tokens that the first alert counted."""
        first, newest = self.states.first, self.newest
        if first.updated != first.detected:
            return None  # the first alert has left the topic
        return _share(first, newest)

    def leaked_before_action(self) -> LeakedShare | None:
        """Return the share of the output tokens before the first action, between two alerts."""
        before, after = self.states.before_action, self.states.after_action
        if before is None or after is None or after.rank <= before.rank:
            return None
        least, most = _share(before, self.newest), _share(after, self.newest)
        if least is None or most is None or least > most:
            return None
        return LeakedShare(at_least=least, at_most=most)

    def row(self) -> CampaignRow:
        """Return the row of a campaign."""
        one = self.newest
        decisions = [outcome.decision for outcome in self.outcomes]
        return CampaignRow(
            campaign_id=one.campaign_id,
            alert_id=one.alert_id,
            open=one.firing,
            severity=one.severity,
            score=one.score,
            verdict=self.verdict,
            accounts=self.accounts,
            accounts_certain=one.certain,
            requests=one.requests,
            input_tokens=one.input_tokens,
            output_tokens=one.output_tokens,
            reasoning_tokens=one.reasoning_tokens,
            first_seen=rfc3339(one.started),
            last_seen=rfc3339(one.updated),
            detected=rfc3339(one.detected),
            decided=_earliest(decision.approved_at for decision in decisions),
            enforced=_earliest(outcome.held_at for outcome in self.outcomes),
            first_refused=_earliest(outcome.effect.first_refused_at for outcome in self.outcomes),
            detect_s=self.detect_s,
            decide_s=self.decide_s,
            enforce_s=self.enforce_s,
            refuse_s=self.refuse_s,
            leaked_before_alert=self.leaked_before_alert(),
            leaked_before_action=self.leaked_before_action(),
            techniques=list(one.techniques),
            evidence=list(one.evidence),
            networks=_networks(one),
            countries=shown_groups(one.traffic, "country"),
            models=shown_groups(one.traffic, "model"),
            actions=action_counts(self.outcomes),
            effect=effect_sum(self.outcomes),
            model_version=one.model_version,
        )


def _networks(one: IncidentFigures) -> Networks:
    shown = [(-accounts, name) for name, accounts in one.networks if accounts >= SMALLEST_GROUP]
    return Networks(
        groups=[NetworkGroup(network=name, accounts=-size) for size, name in sorted(shown)],
        other=len(one.networks) - len(shown),
    )


def _share(part: IncidentFigures, whole: IncidentFigures) -> float | None:
    """Return the share of the output tokens, None where it is no share: members have left."""
    if not 0 < whole.output_tokens >= part.output_tokens:
        return None
    return round(part.output_tokens / whole.output_tokens, 4)


def _earliest(times: Iterable[float | None]) -> str | None:
    known = [time for time in times if time is not None]
    return rfc3339(min(known)) if known else None


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else max(end - start, 0.0)
