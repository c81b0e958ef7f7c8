"""What the page is told, as JSON: a list of incidents, and one of them with all that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from stream.core.alerts import SharedValue
from stream.core.feedback import Verdict
from stream.core.findings import Evidence, Observed
from stream.http.page.chronicle import Point
from stream.http.page.pulse import Pulse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.http.page.chronicle import Chronicle, Story

#: Resolved incidents of the list, the latest first; open ones are all there.
MAX_RESOLVED: Final = 50


class Row(msgspec.Struct, frozen=True, kw_only=True):
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


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """The page's first look."""

    pulse: Pulse
    open: list[Row]
    resolved: list[Row]
    resolved_total: int
    forgotten: int  # incidents that made room for others


class Detail(msgspec.Struct, frozen=True, kw_only=True):
    """One incident."""

    row: Row
    status: str
    evidence: list[Evidence]
    points: list[Point]
    account_ids: list[str]  # some of the members
    links: list[SharedValue]
    techniques: list[str]
    runbook_url: str
    model_version: str


def overview(chronicle: Chronicle, pulse: Pulse) -> Overview:
    """Return the list, and how the worker is."""
    stories = list(chronicle.latest())
    resolved = [story for story in stories if not story.firing]
    return Overview(
        pulse=pulse,
        open=_rows(chronicle, (story for story in stories if story.firing)),
        resolved=_rows(chronicle, resolved[:MAX_RESOLVED]),
        resolved_total=len(resolved),
        forgotten=chronicle.forgotten,
    )


def detail(chronicle: Chronicle, story: Story) -> Detail:
    """Return all that is known of an incident."""
    alert = story.alert
    return Detail(
        row=_row(chronicle, story),
        status=alert.status,
        evidence=alert.evidence,
        points=story.points,
        account_ids=alert.account_ids or [alert.account_id or ""],
        links=alert.links,
        techniques=alert.techniques,
        runbook_url=alert.runbook_url,
        model_version=alert.model_version,
    )


def _rows(chronicle: Chronicle, stories: Iterable[Story]) -> list[Row]:
    return [_row(chronicle, story) for story in stories]


def _row(chronicle: Chronicle, story: Story) -> Row:
    alert = story.alert
    return Row(
        alert_id=alert.alert_id,
        kind=alert.kind,
        severity=alert.severity,
        score=alert.score,
        subject=alert.account_id or alert.campaign_id or "",
        members=story.members,
        observed=alert.observed,
        started_at=alert.started_at,
        detected_at=alert.detected_at,
        updated_at=alert.updated_at,
        written_s=story.written_s,
        summary=alert.summary,
        verdict=chronicle.verdict(alert.alert_id),
        drill=alert.drill,
    )
