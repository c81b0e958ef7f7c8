"""Which incidents are open and which fire, and how many the gauges show. Stores no incident."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.alerting.incident import Incident
    from stream.alerting.metrics import AlertingMetrics
    from stream.core.findings import Severity


class OpenIndex:
    """Open incidents by id, firing ones by severity, and the members of firing campaigns."""

    def __init__(self, metrics: AlertingMetrics) -> None:
        """Start empty; ``metrics`` show the firing ones."""
        self._gauge = metrics.incidents_open
        self._last: dict[str, float] = {}  # id of an open one -> its latest evidence
        self._firing: dict[str, tuple[str, Severity]] = {}
        #: The firing campaign incident of each member, and the members of each.
        self._campaign_of: dict[str, str] = {}
        self._members: dict[str, list[str]] = {}

    def __len__(self) -> int:
        """Return how many incidents are open."""
        return len(self._last)

    @property
    def names(self) -> list[str]:
        """Return the ids of open incidents, ascending, whether receivers know them or not."""
        return sorted(self._last)

    @property
    def last_evidence(self) -> list[tuple[float, str]]:
        """Return the time of the latest evidence and the id of each open incident."""
        return [(last, name) for name, last in self._last.items()]

    def in_campaign(self, account: str) -> bool:
        """Return whether a firing campaign incident has the account as a member."""
        return account in self._campaign_of

    def update(self, incident: Incident) -> None:
        """Apply the new state of an incident."""
        name = incident.alert_id
        self._last.pop(name, None)
        if incident.is_open:
            self._last[name] = incident.last
        self._count(name, (incident.kind, incident.severity) if incident.is_firing else None)
        if incident.is_firing:
            self._members[name] = incident.members
            for member in incident.members:
                self._campaign_of.setdefault(member, name)

    def forget(self, accounts: Iterable[str]) -> None:
        """Forget that accounts are members."""
        for account in accounts:
            self._campaign_of.pop(account, None)

    def release(self) -> None:
        """Take these incidents out of the gauge."""
        for name in list(self._firing):
            self._count(name, None)

    def _count(self, name: str, now: tuple[str, Severity] | None) -> None:
        before = self._firing.pop(name, None)
        if now is not None:
            self._firing[name] = now
        for counted, by in ((before, -1), (now, 1)):
            if counted is not None and before != now:
                kind, severity = counted
                self._gauge.labels(kind=kind, severity=severity).inc(by)
        if before is not None and now is None:
            for member in self._members.pop(name):
                if self._campaign_of.get(member) == name:
                    del self._campaign_of[member]
