"""The incidents of the alerts topic as the page shows them. Bounded; does no I/O.

It keeps some members of a campaign and some of its states, older ones further apart.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

import msgspec

from stream.core.alerts import Alert, AlertStatus, Degrees, degrees_of
from stream.core.feedback import newer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.core.feedback import Verdict

MAX_POINTS: Final = 120
MAX_MEMBERS: Final = 500
#: Verdicts may be read before their incidents.
MAX_VERDICTS: Final = 10_000


class EvidencePoint(msgspec.Struct, frozen=True, array_like=True):
    """One piece of evidence at one moment."""

    value: float
    baseline: float | None
    population: float | None
    contribution: float


class IncidentPoint(msgspec.Struct, frozen=True, kw_only=True):
    """An incident at one moment of event time, epoch seconds."""

    time: float
    score: float
    members: int
    requests: int
    input_tokens: int
    output_tokens: int
    evidence: dict[str, EvidencePoint]


class IncidentRecord(msgspec.Struct, kw_only=True):
    """An incident: its latest state with some members, their number, and its earlier states."""

    alert: Alert
    members: int
    degrees: Degrees
    written_s: float  # when the latest state was written to the topic, epoch seconds
    points: list[IncidentPoint]

    @property
    def firing(self) -> bool:
        """Return whether it is open."""
        return self.alert.status == "firing"

    def is_older_than(self, time: float, status: AlertStatus) -> bool:
        """Return whether a state is newer than the latest one here."""
        latest = self.points[-1].time
        return time > latest or (time == latest and status != self.alert.status)


class IncidentHistory:
    """All incidents of the page, the latest updated last."""

    def __init__(self, *, most: int) -> None:
        """Remember ``most`` incidents."""
        self._most = most
        self._records: OrderedDict[str, IncidentRecord] = OrderedDict()
        self._verdicts: OrderedDict[str, Verdict] = OrderedDict()
        self.forgotten = 0

    def apply(self, alert: Alert, written_s: float) -> None:
        """Take in a state of an incident; a repeated or older one changes nothing."""
        known = self._records.get(alert.alert_id)
        point = _point(alert)
        if known is not None and not known.is_older_than(point.time, alert.status):
            return
        points = [point] if known is None else [*known.points, point]
        self._records[alert.alert_id] = IncidentRecord(
            alert=_shortened(alert),
            members=point.members,
            degrees=degrees_of(alert),
            written_s=written_s,
            points=points if len(points) <= MAX_POINTS else _thinned(points),
        )
        self._records.move_to_end(alert.alert_id)
        if len(self._records) > self._most:
            self._forget_one()

    def apply_verdict(self, verdict: Verdict) -> None:
        """Take in a verdict on an incident; the latest counts."""
        name = verdict.alert_id
        known = self._verdicts.get(name)
        self._verdicts[name] = newer(known, verdict)
        self._verdicts.move_to_end(name)
        if len(self._verdicts) > MAX_VERDICTS:
            self._verdicts.popitem(last=False)

    def clear(self) -> None:
        """Forget everything: it will be read again."""
        self._records.clear()
        self._verdicts.clear()

    def find(self, alert_id: str) -> IncidentRecord | None:
        """Return an incident, if it is remembered."""
        return self._records.get(alert_id)

    def verdict(self, alert_id: str) -> Verdict | None:
        """Return the latest verdict on an incident unless it is withdrawn."""
        found = self._verdicts.get(alert_id)
        return None if found is None or found.label == "withdrawn" else found

    def latest(self) -> Iterator[IncidentRecord]:
        """Yield the incidents, the latest updated first."""
        return reversed(self._records.values())

    def _forget_one(self) -> None:
        over = (name for name, record in self._records.items() if not record.firing)
        del self._records[next(over, next(iter(self._records)))]
        self.forgotten += 1


def _point(alert: Alert) -> IncidentPoint:
    return IncidentPoint(
        time=datetime.fromisoformat(alert.updated_at).timestamp(),
        score=alert.score,
        members=len(alert.account_ids or [alert.account_id]),
        requests=alert.observed.requests,
        input_tokens=alert.observed.input_tokens,
        output_tokens=alert.observed.output_tokens,
        evidence={
            e.feature: EvidencePoint(e.value, e.baseline, e.population, e.contribution)
            for e in alert.evidence
        },
    )


def _shortened(alert: Alert) -> Alert:
    """Keep some members, first those that links name."""
    ids = alert.account_ids or []
    if len(alert.peripheral_ids) > MAX_MEMBERS:
        alert = _without_peripheral_ones(alert)
    if len(ids) <= MAX_MEMBERS:
        return alert
    named = {i for link in alert.links for i in link.members if 0 <= i < len(ids)}
    others = (i for i in range(len(ids)) if i not in named)
    kept = sorted(islice(chain(sorted(named), others), MAX_MEMBERS))
    place = {old: new for new, old in enumerate(kept)}
    return msgspec.structs.replace(
        alert,
        account_ids=[ids[i] for i in kept],
        links=[
            msgspec.structs.replace(link, members=[place[i] for i in link.members if i in place])
            for link in alert.links
        ],
        members=[
            group
            if group.degree == "peripheral"
            else msgspec.structs.replace(
                group, members=[place[i] for i in group.members if i in place]
            )
            for group in alert.members
        ],
    )


def _without_peripheral_ones(alert: Alert) -> Alert:
    """Keep some of the accounts that are only peripheral: no action needs them."""
    return msgspec.structs.replace(
        alert,
        peripheral_ids=alert.peripheral_ids[:MAX_MEMBERS],
        members=[
            msgspec.structs.replace(group, members=[i for i in group.members if i < MAX_MEMBERS])
            if group.degree == "peripheral"
            else group
            for group in alert.members
        ],
    )


def _thinned(points: list[IncidentPoint]) -> list[IncidentPoint]:
    """Return every other point, with the first and the last."""
    return [*points[:-1:2], points[-1]]
