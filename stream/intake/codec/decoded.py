"""What became of records: events, rejects, and what passes by, with a count of each."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from stream.intake.codec.event import RequestEvent
from stream.intake.codec.reasons import OF_CALLERS
from stream.intake.codec.result import Passed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.errors import DecodeError
    from stream.core.records import Record
    from stream.intake.codec.reading import Found

ACCEPTED: Final = "accepted"
_REJECTED: Final = "rejected"
_IGNORED: Final = "ignored"


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that is, at least in part, not an event."""

    record: Record = field(repr=False)  # has the text
    reason: str
    detail: str


@dataclass(slots=True)
class Decoded:
    """What became of consecutive records; ``offsets`` has the record's offset for each event."""

    events: list[RequestEvent] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    #: Objects that tell of something else than a call of a model.
    ignored: int = 0
    #: The newest time of those, and of callers turned away, epoch seconds.
    passed_s: float = -math.inf
    #: Objects by format and result.
    tally: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def invalid(self) -> int:
        """Rejects that speak of a broken deployment, not of callers."""
        return sum(reject.reason not in OF_CALLERS for reject in self.rejects)

    def add(self, record: Record, found: Found) -> None:
        """Put what became of a record's objects where it belongs."""
        failures = []
        for result, name in found:
            if isinstance(result, RequestEvent):
                self.events.append(result)
                self.offsets.append(record.offset)
                self.tally[name, ACCEPTED] += 1
                continue
            if isinstance(result, Passed):
                self.ignored += 1
                self.tally[name, _IGNORED] += 1
            else:
                failures.append(result)
                self.tally[name, _REJECTED] += 1
            if result.time_s is not None:
                self.passed_s = max(self.passed_s, result.time_s)
        if failures:
            self.rejects.append(_reject(record, failures, len(found)))


def _reject(record: Record, failures: Sequence[DecodeError], total: int) -> Reject:
    first = failures[0]
    if total == 1:
        return Reject(record, first.reason, first.detail)
    counts = Counter(failure.reason for failure in failures)
    reasons = ", ".join(f"{reason} {count}" for reason, count in counts.most_common())
    return Reject(
        record, first.reason, f"{len(failures)} of {total} ({reasons}); first: {first.detail}"
    )
