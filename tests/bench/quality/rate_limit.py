"""The simplest rule: more than so many requests of an account in a clock hour."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from quality.alarms import Alarm
from quality.plan import DAY_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.intake.codec.event import RequestEvent

_LIMIT: Final = 100
_HOUR_S: Final = 3600.0


class RateLimit:
    """One incident for each account and day."""

    name = f"{_LIMIT} requests an hour"
    needs_text = False

    def __init__(self) -> None:
        """Start an hour that nobody has used."""
        self._hour = -1
        self._counts: Counter[str] = Counter()
        self._alarms: list[Alarm] = []

    def observe(self, events: Sequence[RequestEvent]) -> None:
        """Count."""
        for event in events:
            hour = int(event.timestamp // _HOUR_S)
            if hour != self._hour:
                self._hour = hour
                self._counts.clear()
            account = event.account_id
            self._counts[account] += 1
            if self._counts[account] == _LIMIT + 1:
                incident = f"{account}/{int(event.timestamp // DAY_S)}"
                self._alarms.append(Alarm(event.timestamp, incident, "account", (account,)))

    def alarms(self) -> list[Alarm]:
        """Return what was said."""
        return self._alarms
