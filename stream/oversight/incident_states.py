"""The states of each incident of a period, in whatever order and how often records are read.

Of each incident the first state, the newest one, and those around the first action are kept, each
without its accounts. Where two records claim one time, the one whose bytes hash higher counts, so
that every order of reading gives the same.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from stream.core.alerts import Alert, alert_in, degrees_of
from stream.core.errors import UsageError
from stream.core.findings import Severity, TrafficGroup
from stream.oversight.campaign_groups import is_group

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.oversight.record import ReportPeriod, TopicRecord

#: Incidents of a period; assumed: a hundred a day over two years are fewer.
MOST_INCIDENTS: Final = 100_000
_ALERT_ID: Final = re.compile(r"inc_[0-9a-f]{20}")
_CAMPAIGN_ID: Final = re.compile(r"cmp_[0-9a-f]{16}")
_TECHNIQUE: Final = re.compile(r"AML\.T[0-9]{4}(\.[0-9]{3})?|[A-Z]{2,5}[0-9]{2}:[0-9]{4}")
_FEATURE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MODEL: Final = re.compile(r"[\w.+-]{1,64}", re.ASCII)
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{16}")
_MOST_AMOUNT: Final = 10**15


class IncidentFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One state of an incident without its accounts; times are epoch seconds."""

    alert_id: str
    campaign_id: str  # empty: of a single account
    firing: bool
    severity: Severity
    score: float
    started: float
    detected: float
    updated: float
    written: float
    certain: int
    likely: int
    requests: int
    input_tokens: int
    output_tokens: int
    reasoning_tokens: int
    traffic: tuple[TrafficGroup, ...]
    techniques: tuple[str, ...]
    evidence: tuple[str, ...]
    networks: tuple[tuple[str, int], ...]  # keyed fingerprint of a network, members
    model_version: str
    digest: str  # of the record

    @property
    def rank(self) -> tuple[float, str]:
        """Return what orders the states of an incident."""
        return self.updated, self.digest


class IncidentStates:
    """The states of one incident that a report needs; mutable."""

    def __init__(self, found: IncidentFigures) -> None:
        """Begin with the state that is read first, whichever it is."""
        self.first = self.newest = found
        self.before_action: IncidentFigures | None = None
        self.after_action: IncidentFigures | None = None

    def add(self, found: IncidentFigures, acted_at: float | None) -> None:
        """Take in a state; ``acted_at``: when the first action was carried out."""
        if found.rank < self.first.rank:
            self.first = found
        if found.rank > self.newest.rank:
            self.newest = found
        if acted_at is None:
            return
        if found.written <= acted_at:
            if self.before_action is None or found.rank > self.before_action.rank:
                self.before_action = found
        # By the time of writing: an older state may be written once more afterwards.
        elif self.after_action is None or _written(found) < _written(self.after_action):
            self.after_action = found


def _written(found: IncidentFigures) -> tuple[float, float, str]:
    return found.written, *found.rank


class IncidentBook:
    """The incidents that were first alerted in a period; drills are counted apart."""

    def __init__(
        self,
        period: ReportPeriod,
        acted_at: Mapping[str, float],
        *,
        most: int = MOST_INCIDENTS,
    ) -> None:
        """``acted_at``: incident -> when the first action on it was carried out."""
        self._period = period
        self._acted_at = acted_at
        self._most = most
        self._drills: set[str] = set()
        self.incidents: dict[str, IncidentStates] = {}
        self.elsewhere: set[str] = set()  # incidents of other periods that were acted on
        self.read = self.damaged = 0
        self.oldest: float | None = None  # of all records, epoch seconds
        self.newest: float | None = None

    @property
    def drills(self) -> int:
        """Return how many drills there were in the period."""
        return len(self._drills)

    def take(self, record: TopicRecord) -> None:
        """Take in a record of the alerts topic; raises UsageError beyond the bound."""
        self.read += 1
        alert = alert_in(record.value)
        found = None if alert is None else _figures(alert, record)
        if alert is None or found is None:
            self.damaged += 1
            return
        self.oldest = min(found.written, self.oldest or found.written)
        self.newest = max(found.written, self.newest or found.written)
        if not self._period.has(found.detected):
            if found.alert_id in self._acted_at:
                self.elsewhere.add(found.alert_id)
            return
        if alert.drill:
            self._drills.add(found.alert_id)
        else:
            known = self.incidents.setdefault(found.alert_id, IncidentStates(found))
            known.add(found, self._acted_at.get(found.alert_id))
        if len(self.incidents) + len(self._drills) > self._most:
            raise UsageError(
                f"--from, --to: more than {self._most:,} incidents; report a shorter period"
            )


def _figures(alert: Alert, record: TopicRecord) -> IncidentFigures | None:
    """Return what a report uses of an alert, None where a field has what no alert has.

    Alerts are not signed: only what has the shape of an id or a name gets into a report.
    """
    seen = alert.observed
    amounts = [seen.requests, seen.input_tokens, seen.output_tokens, seen.reasoning_tokens]
    amounts += [one.accounts for one in alert.links]
    campaign_id = alert.campaign_id or ""
    started, detected, updated = map(_time, (alert.started_at, alert.detected_at, alert.updated_at))
    names = (
        (_ALERT_ID, [alert.alert_id]),
        (_CAMPAIGN_ID, [campaign_id] if alert.kind == "campaign" else []),
        (_TECHNIQUE, alert.techniques),
        (_FEATURE, [one.feature for one in alert.evidence]),
        (_MODEL, [alert.model_version] if alert.model_version else []),
        (_FINGERPRINT, [one.value for one in alert.links]),
    )
    if started is None or detected is None or updated is None:
        return None
    if not all(pattern.fullmatch(name) for pattern, found in names for name in found):
        return None
    if not all(0 <= amount <= _MOST_AMOUNT for amount in amounts) or not 0 <= alert.score <= 1:
        return None
    if not all(is_group(one, _MOST_AMOUNT) for one in alert.traffic):
        return None
    degrees = degrees_of(alert)
    single = alert.kind == "account"
    return IncidentFigures(
        alert_id=alert.alert_id,
        campaign_id="" if single else campaign_id,
        firing=alert.status == "firing",
        severity=alert.severity,
        score=alert.score,
        started=started,
        detected=detected,
        updated=updated,
        written=record.written_at,
        certain=1 if single else degrees.certain,
        likely=0 if single else degrees.likely,
        requests=seen.requests,
        input_tokens=seen.input_tokens,
        output_tokens=seen.output_tokens,
        reasoning_tokens=seen.reasoning_tokens,
        traffic=tuple(alert.traffic),
        techniques=tuple(sorted(set(alert.techniques))),
        evidence=tuple(one.feature for one in alert.evidence),
        networks=tuple(
            sorted((one.value, one.accounts) for one in alert.links if one.link == "network")
        ),
        model_version=alert.model_version,
        digest=hashlib.sha256(record.value or b"").hexdigest(),
    )


def _time(text: str) -> float | None:
    """Return RFC 3339 as epoch seconds, None where it is something else."""
    try:
        found = datetime.fromisoformat(text)
        time = (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return time if time >= 0 else None
