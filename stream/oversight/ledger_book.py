"""The days of the ledger that a report is about, in whatever order and how often they are read."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stream.core.ledger import ledger_day_in

if TYPE_CHECKING:
    from stream.core.ledger import LedgerDay
    from stream.oversight.record import ReportPeriod, TopicRecord


class LedgerBook:
    """Takes in records of the ledger's topic; mutable.

    Of the records of a day the one with the most requests counts, of these the one with the most
    requests of campaigns: sums of a day only grow.
    """

    def __init__(self, period: ReportPeriod) -> None:
        """Keep the days that begin within ``period``."""
        self._period = period
        self._days: dict[str, tuple[tuple[int, int, str], LedgerDay]] = {}
        self._deleted: set[str] = set()
        self.read = self.damaged = 0
        self.oldest: str | None = None  # day of the topic
        self.newest: float | None = None  # time of the newest record, epoch seconds

    @property
    def days(self) -> list[LedgerDay]:
        """Return the days, ascending."""
        kept = self._days.keys() - self._deleted
        return [self._days[name][1] for name in sorted(kept)]

    def take(self, record: TopicRecord) -> None:
        """Take in a record."""
        self.read += 1
        if record.value is None:  # deleted at its age; brokers drop such records later
            self._deleted.add((record.key or b"").decode(errors="replace"))
            return
        found = ledger_day_in(record.key, record.value)
        if found is None:
            self.damaged += 1
            return
        self.oldest = min(found.day, self.oldest or found.day)
        self.newest = max(record.written_at, self.newest or record.written_at)
        began = datetime.strptime(found.day, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
        if not self._period.has(began):
            return
        digest = hashlib.sha256(record.value).hexdigest()
        rank = (found.total.requests, found.campaign_requests, digest)
        known = self._days.get(found.day)
        if known is None or rank > known[0]:
            self._days[found.day] = (rank, found)
