"""A record of a topic as a report reads it, and the period that a report is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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

    @classmethod
    def of_month(cls, text: str, now: float) -> ReportPeriod:
        """Return a month of UTC: ``2026-03``, or ``last``, the one before ``now``.

        Raises UsageError.
        """
        try:
            if text == "last":
                begins = _month_begins(datetime.fromtimestamp(now, UTC))
                begins = _month_begins(begins - timedelta(days=1))
            else:
                begins = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
            ends = _month_begins(begins + timedelta(days=31))
        except (ValueError, OverflowError) as error:
            raise UsageError(f"--month: expected 2026-03 or last, not {text!r}") from error
        return cls(begins.timestamp(), ends.timestamp())

    def has(self, time: float) -> bool:
        """Return whether a time is in the period."""
        return self.since <= time < self.until


def _month_begins(time: datetime) -> datetime:
    return time.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
