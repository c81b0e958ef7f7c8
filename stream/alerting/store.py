"""The incidents that are remembered: bounded, counted, durable. Decides no transition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from stream.alerting.incident import Incident
from stream.alerting.open_index import OpenIndex
from stream.alerting.tally import TALLY
from stream.store.layouts import of_dtype, of_structs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stream.alerting.metrics import AlertingMetrics
    from stream.alerting.settings import AlertingSettings

_INCIDENT: Final = b"i"
#: One quarter of the open incidents is reserved for campaigns: they matter more (assumed).
_CAMPAIGN_FRACTION: Final = 4
#: One sixteenth is evicted at once, so that not every opening sorts the store (assumed).
_EVICTED_FRACTION: Final = 16


class IncidentStore:
    """All incidents, open and cooling down."""

    #: What stored rows consist of.
    layout: Final = {**of_structs(Incident), "tally": of_dtype(TALLY)}

    def __init__(self, settings: AlertingSettings, *, metrics: AlertingMetrics) -> None:
        """Start without any."""
        self._settings = settings
        self._metrics = metrics
        self._incidents: dict[str, Incident] = {}
        #: The incident of each account or cluster.
        self._of: dict[tuple[str, str], str] = {}
        self.open = OpenIndex(metrics)
        self._dirty: set[str] = set()
        self._stored: set[str] = set()  # that have a durable row

    def __iter__(self) -> Iterator[Incident]:
        """Yield the incidents that are remembered."""
        return iter([*self._incidents.values()])

    def __contains__(self, incident: Incident) -> bool:
        """Return whether an incident is remembered."""
        return incident.alert_id in self._incidents

    def get(self, name: str) -> Incident | None:
        """Return an incident by its alert id."""
        return self._incidents.get(name)

    def incident(self, name: str) -> Incident:
        """Return an incident that is remembered."""
        return self._incidents[name]

    def find(self, kind: str, subject: str) -> Incident | None:
        """Return the incident of an account or a cluster."""
        name = self._of.get((kind, subject))
        return None if name is None else self._incidents[name]

    # -- changing -----------------------------------------------------------------------------

    def put(self, incident: Incident) -> None:
        """Insert an incident, or replace its earlier state."""
        name = incident.alert_id
        self._incidents[name] = incident
        if incident.subject:
            self._of[incident.kind, incident.subject] = name
        self._dirty.add(name)
        self.open.update(incident)

    def rename(self, incident: Incident, subject: str) -> Incident:
        """Make an incident that of another cluster; "": of none, so nothing re-opens it."""
        self._forget_subject(incident)
        incident = incident.rename(subject)
        self.put(incident)
        return incident

    def _forget_subject(self, incident: Incident) -> None:
        if self._of.get((incident.kind, incident.subject)) == incident.alert_id:
            del self._of[incident.kind, incident.subject]

    # -- room ---------------------------------------------------------------------------------

    def has_room(self, kind: str) -> bool:
        """Return whether one more may open; the longest resolved are evicted for it.

        Part of the capacity is reserved for campaigns.
        """
        most = self._settings.max_incidents
        limit = most - most // _CAMPAIGN_FRACTION if kind == "account" else most
        if len(self.open) >= limit:
            self._metrics.limit_hits_total.labels(limit="incidents").inc()
            return False
        if len(self._incidents) >= most:
            cold = sorted((i.closed, i.alert_id) for i in self._incidents.values() if not i.is_open)
            for _, name in cold[: 1 + most // _EVICTED_FRACTION]:
                self.drop(self._incidents[name])
        return True

    def forget(self, time: float) -> None:
        """Drop incidents whose cool-down has ended by then."""
        before = time - self._settings.cool_down_s
        for cold in [i for i in self._incidents.values() if not i.is_open and i.closed < before]:
            self.drop(cold)

    def drop(self, incident: Incident) -> None:
        """Remember an incident no longer."""
        del self._incidents[incident.alert_id]
        self._forget_subject(incident)
        self._dirty.discard(incident.alert_id)
        if incident.alert_id in self._stored:
            self._dirty.add(incident.alert_id)

    # -- durable rows -------------------------------------------------------------------------

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return the rows changed since the last call; None deletes."""
        rows: list[tuple[bytes, bytes | None]] = []
        for name in sorted(self._dirty):
            incident = self._incidents.get(name)
            row = None if incident is None else msgspec.msgpack.encode(incident)
            rows.append((_INCIDENT + name.encode(), row))
        self._stored = (self._stored | self._dirty) & self._incidents.keys()
        self._dirty.clear()
        return rows

    def load(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take over stored rows in the order they were written; then :meth:`loaded`."""
        for key, row in rows:
            if key[:1] == _INCIDENT:
                name = key[1:].decode()
                if row is None:
                    self._incidents.pop(name, None)
                else:
                    self._incidents[name] = msgspec.msgpack.decode(row, type=Incident)

    def loaded(self) -> None:
        """Continue after the last row is loaded."""
        self._incidents = dict(sorted(self._incidents.items()))
        for incident in self._incidents.values():
            self.put(incident)
        self._stored = set(self._incidents)
        self._dirty.clear()
