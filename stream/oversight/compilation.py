"""Makes the report of a period from what was read: the same records give the same report."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, get_args

from stream import __version__
from stream.core.feedback import VerdictLabel
from stream.core.findings import Severity
from stream.core.rfc3339 import rfc3339
from stream.oversight import limits
from stream.oversight.campaign_groups import shown_groups, united_groups
from stream.oversight.egress import egress
from stream.oversight.report import (
    SCHEMA_VERSION,
    Delays,
    IncidentSum,
    OversightReport,
    RecordCount,
)
from stream.oversight.reported_incident import HARMLESS, ReportedIncident
from stream.oversight.sums import DecisionOutcome, action_counts, delay, effect_sum

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stream.oversight.action_book import ActionBook
    from stream.oversight.incident_states import IncidentBook
    from stream.oversight.ledger_book import LedgerBook
    from stream.oversight.record import ReportPeriod


def compiled(
    period: ReportPeriod, incidents: IncidentBook, actions: ActionBook, ledger: LedgerBook
) -> OversightReport:
    """Return the report; the books have read their topics."""
    times = (incidents.newest, actions.newest, ledger.newest)
    newest = max((one for one in times if one), default=None)
    outcomes = _outcomes(actions, newest or 0.0)
    found = _incidents(incidents, actions, outcomes)
    harmless = {name for name, one in actions.verdicts.items() if one.label in HARMLESS}
    late = incidents.oldest is not None and incidents.oldest >= period.since
    here = incidents.incidents.keys() | incidents.elsewhere
    others = [
        one
        for name, several in sorted(outcomes.items())
        if name not in here
        for one in several
        if period.has(one.decision.proposed_at)
    ]
    return OversightReport(
        schema_version=SCHEMA_VERSION,
        version=__version__,
        since=rfc3339(period.since),
        until=rfc3339(period.until),
        newest_record=None if newest is None else rfc3339(newest),
        oldest_alert=None if incidents.oldest is None else rfc3339(incidents.oldest),
        complete=not late and incidents.oldest is not None and not actions.dropped,
        total=_sum(found),
        not_cleared=_sum([one for one in found if not one.cleared]),
        single_accounts=_sum([one for one in found if not one.newest.campaign_id]),
        campaigns=[one.row() for one in found if one.newest.campaign_id],
        egress=egress(ledger, harmless),
        decisions_without_alert=action_counts(others),
        drills=incidents.drills,
        models=_counted(one.newest.model_version for one in found),
        records=_records(incidents, actions, ledger),
        limits=_limits(actions, ledger, period, late=late),
    )


def _incidents(
    incidents: IncidentBook, actions: ActionBook, outcomes: dict[str, list[DecisionOutcome]]
) -> list[ReportedIncident]:
    """Return the incidents in the order of their first alerts."""
    found = []
    for name, states in incidents.incidents.items():
        verdict = actions.verdicts.get(name)
        found.append(
            ReportedIncident(
                states, None if verdict is None else verdict.label, outcomes.get(name, [])
            )
        )
    return sorted(found, key=lambda one: (one.newest.detected, one.newest.alert_id))


def _outcomes(actions: ActionBook, time: float) -> dict[str, list[DecisionOutcome]]:
    """Return the decisions by their alert, "" of those without one."""
    found: defaultdict[str, list[DecisionOutcome]] = defaultdict(list)
    if actions.effects is not None:
        for one in actions.decisions:
            outcome = DecisionOutcome(one, actions.effects.effect(one, time), actions.held_at(one))
            found[one.reason.alert_id].append(outcome)
    return dict(found)


def _sum(found: Sequence[ReportedIncident]) -> IncidentSum:
    outcomes = [outcome for one in found for outcome in one.outcomes]
    traffic = [one.newest.traffic for one in found]
    severities = Counter(one.newest.severity for one in found)
    verdicts = Counter(one.verdict for one in found)
    return IncidentSum(
        incidents=len(found),
        campaigns=sum(bool(one.newest.campaign_id) for one in found),
        accounts=sum(one.accounts for one in found),
        requests=sum(one.newest.requests for one in found),
        input_tokens=sum(one.newest.input_tokens for one in found),
        output_tokens=sum(one.newest.output_tokens for one in found),
        reasoning_tokens=sum(one.newest.reasoning_tokens for one in found),
        countries=united_groups(shown_groups(one, "country") for one in traffic),
        models=united_groups(shown_groups(one, "model") for one in traffic),
        severities={name: severities[name] for name in get_args(Severity)},
        verdicts={name: verdicts[name] for name in get_args(VerdictLabel)},
        techniques=_counted(name for one in found for name in one.newest.techniques),
        actions=action_counts(outcomes),
        effect=effect_sum(outcomes),
        delays=Delays(
            detect=delay([one.detect_s for one in found]),
            decide=delay([one.decide_s for one in found]),
            enforce=delay([one.enforce_s for one in found]),
            refuse=delay([one.refuse_s for one in found]),
        ),
    )


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _records(incidents: IncidentBook, actions: ActionBook, ledger: LedgerBook) -> list[RecordCount]:
    alerts = RecordCount(topic="alerts", read=incidents.read, damaged=incidents.damaged)
    days = RecordCount(topic="ledger", read=ledger.read, damaged=ledger.damaged)
    others = [
        RecordCount(topic=topic, read=actions.read[topic], damaged=actions.damaged[topic])
        for topic in ("verdicts", "decisions", "effects")
    ]
    return [alerts, *others, days]


def _limits(
    actions: ActionBook, ledger: LedgerBook, period: ReportPeriod, *, late: bool
) -> list[str]:
    found = [] if actions.signed else [limits.WITHOUT_KEY]
    found += [limits.DROPPED] if actions.dropped else []
    found += [limits.INCOMPLETE] if late else []
    first_day = rfc3339(period.since)[:10]
    found += [limits.LEDGER_INCOMPLETE] if (ledger.oldest or "9999") > first_day else []
    return [*found, *limits.OF_THE_REPORT, *limits.OF_DETECTION]
