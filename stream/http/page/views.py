"""The JSON of the page: the list of incidents, and one of them in full. Decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from stream.core.alerts import MemberGroup, SharedValue
from stream.core.feedback import Verdict
from stream.core.findings import Evidence, Observed
from stream.http.page.decision_views import DecisionCounts
from stream.http.page.incident_history import IncidentPoint
from stream.http.page.worker_status import WorkerStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.http.page.incident_history import IncidentHistory, IncidentRecord

#: Resolved incidents of the list, the latest first; open ones are all there.
MAX_RESOLVED: Final = 50


class IncidentRow(msgspec.Struct, frozen=True, kw_only=True):
    """An incident in the list; times are RFC 3339, event time, but ``written_s``."""

    alert_id: str
    kind: str
    severity: str
    score: float
    subject: str
    members: int
    observed: Observed
    started_at: str
    detected_at: str
    updated_at: str
    written_s: float
    summary: str
    verdict: Verdict | None
    drill: bool


class IncidentOverview(msgspec.Struct, frozen=True, kw_only=True):
    """The list of incidents and the state of the worker."""

    worker: WorkerStatus
    open: list[IncidentRow]
    resolved: list[IncidentRow]
    resolved_total: int
    forgotten: int  # incidents that were dropped for others
    decisions: DecisionCounts | None  # None: there are none, they have no key


class IncidentDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One incident."""

    row: IncidentRow
    status: str
    evidence: list[Evidence]
    points: list[IncidentPoint]
    account_ids: list[str]  # some of the members
    peripheral_ids: list[str]  # some of the accounts beside them
    members: list[MemberGroup]
    degrees: dict[str, int]  # number of all accounts of each degree
    links: list[SharedValue]
    techniques: list[str]
    runbook_url: str
    model_version: str


def overview(
    history: IncidentHistory, worker: WorkerStatus, decisions: DecisionCounts | None
) -> IncidentOverview:
    """Return the list, the state of the worker and the numbers of decisions."""
    records = list(history.latest())
    resolved = [record for record in records if not record.firing]
    return IncidentOverview(
        worker=worker,
        open=_rows(history, (record for record in records if record.firing)),
        resolved=_rows(history, resolved[:MAX_RESOLVED]),
        resolved_total=len(resolved),
        forgotten=history.forgotten,
        decisions=decisions,
    )


def detail(history: IncidentHistory, record: IncidentRecord) -> IncidentDetail:
    """Return an incident in full."""
    alert = record.alert
    return IncidentDetail(
        row=_row(history, record),
        status=alert.status,
        evidence=alert.evidence,
        points=record.points,
        account_ids=alert.account_ids or [alert.account_id or ""],
        peripheral_ids=alert.peripheral_ids,
        members=alert.members,
        degrees=record.degrees._asdict(),
        links=alert.links,
        techniques=alert.techniques,
        runbook_url=alert.runbook_url,
        model_version=alert.model_version,
    )


def _rows(history: IncidentHistory, records: Iterable[IncidentRecord]) -> list[IncidentRow]:
    return [_row(history, record) for record in records]


def _row(history: IncidentHistory, record: IncidentRecord) -> IncidentRow:
    alert = record.alert
    return IncidentRow(
        alert_id=alert.alert_id,
        kind=alert.kind,
        severity=alert.severity,
        score=alert.score,
        subject=alert.account_id or alert.campaign_id or "",
        members=record.members,
        observed=alert.observed,
        started_at=alert.started_at,
        detected_at=alert.detected_at,
        updated_at=alert.updated_at,
        written_s=record.written_s,
        summary=alert.summary,
        verdict=history.verdict(alert.alert_id),
        drill=alert.drill,
    )
