"""A record of a topic as a report reads it, and the period that a report is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from stream.core.errors import UsageError


class TopicRecord(NamedTuple):
    """A record of alerts, verdicts, decisions or effects."""

    written_at: float  # the topic's time of the record, epoch seconds
    key: bytes | None
    value: bytes | None
    signature: bytes | None


@dataclass(frozen=True, slots=True)
class ReportPeriod:
    """From ``since`` until before ``until``, epoch seconds."""

    since: float
    until: float

    def __post_init__(self) -> None:
        """Raise UsageError for a period without a moment in it."""
        if not 0 <= self.since < self.until < 1e11:  # noqa: PLR2004 - as times of decisions
            raise UsageError("--to: expected a time after --from, both after 1970")

    def has(self, time: float) -> bool:
        """Return whether a time is in the period."""
        return self.since <= time < self.until
