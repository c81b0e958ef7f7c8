"""The results of records: events, rejects and skipped objects, with a count of each."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from stream.intake.codec.event import RequestEvent
from stream.intake.codec.reasons import OF_CALLERS
from stream.intake.codec.result import Skipped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stream.core.errors import DecodeError
    from stream.core.records import Record
    from stream.intake.codec.admission import Fields
    from stream.intake.codec.exhaustive import Found

ACCEPTED: Final = "accepted"
_REJECTED: Final = "rejected"
_IGNORED: Final = "ignored"


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that cannot be decoded, at least in part."""

    record: Record = field(repr=False)  # has the text
    reason: str
    detail: str


@dataclass(slots=True)
class Decoded:
    """The results of consecutive records; ``records`` has the record of each event.

    ``fields`` has the events field by field, as soon as all are admitted.
    """

    events: list[RequestEvent] = field(default_factory=list)
    records: list[Record] = field(default_factory=list, repr=False)  # have the texts
    fields: Fields = field(default_factory=dict, repr=False)
    rejects: list[Reject] = field(default_factory=list)
    #: Objects that are not model calls.
    ignored: int = 0
    #: The newest time of those, and of rejected callers' requests, epoch seconds.
    skipped_s: float = -math.inf
    #: Objects by format and result.
    tally: Counter[tuple[str, str]] = field(default_factory=Counter)

    #: Places of the events that were admitted one by one.
    admitted: set[int] = field(default_factory=set)

    @property
    def offsets(self) -> list[int]:
        """Return the offset of each event's record."""
        return [record.offset for record in self.records]

    @property
    def invalid(self) -> int:
        """Rejects that point to a broken deployment, not to callers."""
        return sum(reject.reason not in OF_CALLERS for reject in self.rejects)

    def add(self, record: Record, found: Found) -> None:
        """Add the results of a record's objects."""
        failures = []
        for result, name in found:
            if isinstance(result, RequestEvent):
                self.admitted.add(len(self.events))
                self.events.append(result)
                self.records.append(record)
                self.tally[name, ACCEPTED] += 1
                continue
            if isinstance(result, Skipped):
                self.ignored += 1
                self.tally[name, _IGNORED] += 1
            else:
                failures.append(result)
                self.tally[name, _REJECTED] += 1
            if result.time_s is not None:
                self.skipped_s = max(self.skipped_s, result.time_s)
        if failures:
            self.rejects.append(_reject(record, failures, len(found)))

    def withdraw(
        self, errors: Mapping[int, tuple[DecodeError, str]], order: Sequence[Record]
    ) -> None:
        """Turn the events at these places into rejects, each with its error and format.

        ``order`` are the records in the order in which their rejects are wanted.
        """
        for place, (error, name) in errors.items():
            self.tally[name, ACCEPTED] -= 1
            self.add(self.records[place], [(error, name)])
        kept = [place for place in range(len(self.events)) if place not in errors]
        self.events = [self.events[place] for place in kept]
        self.records = [self.records[place] for place in kept]
        self.tally = +self.tally
        at = {id(record): place for place, record in enumerate(order)}
        self.rejects.sort(key=lambda reject: at[id(reject.record)])


def _reject(record: Record, failures: Sequence[DecodeError], total: int) -> Reject:
    first = failures[0]
    if total == 1:
        return Reject(record, first.reason, first.detail)
    counts = Counter(failure.reason for failure in failures)
    reasons = ", ".join(f"{reason} {count}" for reason, count in counts.most_common())
    return Reject(
        record, first.reason, f"{len(failures)} of {total} ({reasons}); first: {first.detail}"
    )
