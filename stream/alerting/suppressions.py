"""Suppressions, and which incidents they hide. Bounded, durable; sends nothing.

A suppression hides every incident of an account that it matches. It hides a campaign only when the
members that no suppression matches are too few to be one: a suppressed account hides no other.
"""

from __future__ import annotations

import fnmatch
import math
import re
from typing import TYPE_CHECKING, Final, get_args

import msgspec

from stream.alerting import summaries
from stream.alerting.mute import Mute
from stream.core.feedback import Matcher, Suppression, newer
from stream.core.links import LinkKind
from stream.core.rfc3339 import rfc3339
from stream.store.layouts import of_structs
from stream.telemetry.contribution import GaugeContribution

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from stream.alerting.feedback_settings import FeedbackSettings
    from stream.alerting.incident import Incident
    from stream.alerting.metrics import AlertingMetrics
    from stream.alerting.mute import ValueId

_ROW: Final = b"s"


class Suppressions:
    """All suppressions by id; removed ones until they would have ended."""

    #: What stored rows consist of.
    layout: Final = of_structs(Suppression)

    def __init__(
        self, settings: FeedbackSettings, *, least_members: int, metrics: AlertingMetrics
    ) -> None:
        """Start without any; a campaign has at least ``least_members`` accounts."""
        self._most = settings.max_suppressions
        self._least_members = least_members
        self._metrics = metrics
        self._counts = {
            by: GaugeContribution(metrics.suppressions_active.labels(matcher=by))
            for by in get_args(Matcher)
        }
        self._held: dict[str, Suppression] = {}
        self._patterns: dict[str, re.Pattern[str]] = {}
        self._dirty: set[str] = set()

    def record(self, time: float, suppression: Suppression) -> None:
        """Take in a suppression, or its removal."""
        known = self._held.get(suppression.key)
        if suppression.expires <= time or newer(known, suppression) is known:
            return
        self._held[suppression.key] = suppression
        self._dirty.add(suppression.key)
        if len(self._held) > self._most:
            self._end(min(self._held.values(), key=lambda s: (not s.removed, s.expires, s.key)))
            self._metrics.limit_hits_total.labels(limit="suppressions").inc()
        self._index()

    def forget(self, accounts: Collection[str]) -> None:
        """Remove the suppressions of single accounts."""
        for one in [s for s in self._held.values() if s.by == "account" and s.match in accounts]:
            self._end(one)
        self._index()

    @property
    def due(self) -> float:
        """Return when the next of these ends, epoch seconds."""
        return min((s.expires for s in self._held.values()), default=math.inf)

    def expire(self, time: float) -> None:
        """Remove the suppressions that end at ``time`` or before."""
        for suppression in [s for s in self._held.values() if s.expires <= time]:
            self._end(suppression)
        self._index()

    def _end(self, suppression: Suppression) -> None:
        del self._held[suppression.key]
        self._dirty.add(suppression.key)

    def _index(self) -> None:
        self._patterns = {
            s.key: re.compile(fnmatch.translate(s.match)) for s in self._active if s.by == "pattern"
        }
        for by, count in self._counts.items():
            count.set(sum(s.by == by for s in self._active))

    @property
    def _active(self) -> list[Suppression]:
        return [s for s in self._held.values() if not s.removed]

    # -- muting -------------------------------------------------------------------------------

    @property
    def values(self) -> set[ValueId]:
        """Return the shared values that are suppressed."""
        return {_value(s) for s in self._active if s.link}

    def mute(self, incident: Incident, users: Mapping[ValueId, set[str]]) -> Mute | None:
        """Return the suppression that hides most of an incident, if together they hide it.

        ``users`` are the accounts that use each of :attr:`values`.
        """
        campaign = incident.kind == "campaign"
        accounts = set(incident.members) if campaign else {incident.subject}
        covered = {
            s.key: self._covered(s, accounts, users if campaign else {}) for s in self._active
        }
        left = len(accounts - set().union(*covered.values()))
        if left == len(accounts) or left >= (self._least_members if campaign else 1):
            return None
        key = max(covered, key=lambda key: (len(covered[key]), key))
        most, until = self._held[key], rfc3339(self._held[key].expires)
        return Mute(most.by, summaries.suppressed(incident.title, most, until))

    def _covered(
        self, suppression: Suppression, accounts: set[str], users: Mapping[ValueId, set[str]]
    ) -> set[str]:
        if suppression.by == "account":
            return {suppression.match} & accounts
        if suppression.by == "value":
            return users.get(_value(suppression), set()) & accounts
        return {*filter(self._patterns[suppression.key].match, accounts)}

    # -- durable rows -------------------------------------------------------------------------

    def release(self) -> None:
        """Take these out of the gauges."""
        for count in self._counts.values():
            count.withdraw()

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return the rows changed since the last call; None deletes."""
        names, self._dirty = sorted(self._dirty), set()
        held = {name: self._held[name] for name in names if name in self._held}
        rows = {name: msgspec.msgpack.encode(suppression) for name, suppression in held.items()}
        return [(_ROW + name.encode(), rows.get(name)) for name in names]

    def load(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take over stored rows in the order they were written; then :meth:`loaded`."""
        for key, row in rows:
            if key[:1] != _ROW:
                continue
            self._held.pop(key[1:].decode(), None)
            if row is not None:
                suppression = msgspec.msgpack.decode(row, type=Suppression)
                self._held[suppression.key] = suppression

    def loaded(self) -> None:
        """Continue after the last row is loaded."""
        self._index()


def _value(suppression: Suppression) -> ValueId:
    """Return the shared value of a suppression by value."""
    kind = 0 if suppression.link is None else int(LinkKind.of(suppression.link))
    return kind, int(suppression.match, 16)
