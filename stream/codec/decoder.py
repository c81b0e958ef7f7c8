"""Records to events: recognises the format record by record, and turns what fails into rejects.

A record may hold one object, a JSON array of objects, or objects line by line. Of a record with
several, the good ones become events; the record goes to the dead letters once for the others.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from stream.codec.canonical import Canonical
from stream.codec.event import admit
from stream.codec.framing import elements, repaired
from stream.codec.litellm import Litellm
from stream.codec.reasons import FAILURES, OF_CALLERS, explain
from stream.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.codec.event import RequestEvent
    from stream.codec.settings import IntakeSettings
    from stream.metrics import Metrics
    from stream.types.records import Record

_UNKNOWN: Final = "unknown"
_ACCEPTED: Final = "accepted"
_REJECTED: Final = "rejected"
_ARRAY: Final = ord("[")
#: Reasons that mean something only where it is clear which fields an object should have.
_OF_FIELDS: Final = frozenset({"missing_field", "wrong_type", "out_of_range", "bad_timestamp"})


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

    @property
    def invalid(self) -> int:
        """Rejects that speak of a broken deployment, not of callers."""
        return sum(reject.reason not in OF_CALLERS for reject in self.rejects)


class Decoder:
    """Decodes records of one source; counts them by format and result."""

    def __init__(self, settings: IntakeSettings, metrics: Metrics) -> None:
        """Take format and limits from the settings."""
        self._settings = settings
        self._metrics = metrics
        self._canonical = Canonical()
        self._litellm = Litellm(settings.litellm_account)
        formats: dict[str, tuple[Canonical | Litellm, ...]] = {
            "canonical": (self._canonical,),
            "litellm": (self._litellm,),
        }
        self._fixed = formats.get(settings.format)

    def decode(self, records: Sequence[Record], *, now_s: float) -> Decoded:
        """Return events and rejects; never raises for anything in a record."""
        decoded = Decoded()
        events, offsets = decoded.events, decoded.offsets
        tally: Counter[tuple[str, str]] = Counter()
        accepted: dict[Canonical | Litellm, int] = {self._canonical: 0, self._litellm: 0}
        oldest, latest = self._settings.oldest_timestamp, now_s + self._settings.max_future_s
        longest, order = self._settings.max_record_bytes, self._order
        for record in records:
            value = record.value
            if not value or len(value) > longest:
                self._slowly(record, latest, decoded, tally)
                continue
            codec = order(value)[0]
            try:
                event = codec.one(value)
                admit(event, oldest, latest)
            except FAILURES:
                self._slowly(record, latest, decoded, tally)
            else:
                accepted[codec] += 1
                events.append(event)
                offsets.append(record.offset)
        for codec, count in accepted.items():
            tally[codec.name, _ACCEPTED] += count
        for (name, result), count in tally.items():
            self._metrics.events_total.labels(format=name, result=result).inc(count)
        return decoded

    def _order(self, value: bytes) -> tuple[Canonical | Litellm, ...]:
        """Return the formats to try: a mark in the bytes is a good guess, no more."""
        if self._fixed is not None:
            return self._fixed
        # This one first: clients can put keys of their own into a payload of LiteLLM's.
        if Litellm.mark in value:
            return self._litellm, self._canonical
        return self._canonical, self._litellm

    def _slowly(
        self, record: Record, latest: float, decoded: Decoded, tally: Counter[tuple[str, str]]
    ) -> None:
        """Decode a record that is more, or less, than one event; never raises."""
        if self._whole_array(record, latest, decoded, tally):
            return
        try:
            found = self._elements(record.value)
        except FAILURES as error:
            failure = explain(error)
            tally[self._fixed[0].name if self._fixed else _UNKNOWN, _REJECTED] += 1
            decoded.rejects.append(Reject(record, failure.reason, failure.detail))
            return
        failures = []
        for element in found:
            result, name = self._element(element, latest)
            if isinstance(result, DecodeError):
                failures.append(result)
                tally[name, _REJECTED] += 1
            else:
                decoded.events.append(result)
                decoded.offsets.append(record.offset)
                tally[name, _ACCEPTED] += 1
        if failures:
            decoded.rejects.append(_reject(record, failures, len(found)))

    def _whole_array(
        self, record: Record, latest: float, decoded: Decoded, tally: Counter[tuple[str, str]]
    ) -> bool:
        """Decode a record that is an array of nothing but events of one format, all at once."""
        value, settings = record.value, self._settings
        if not value or value[0] != _ARRAY or len(value) > settings.max_record_bytes:
            return False
        codec = self._order(value)[0]
        try:
            events = [self._admitted(event, latest) for event in codec.many(value)]
        except FAILURES:
            return False
        if not 0 < len(events) <= settings.max_record_events:
            return False
        tally[codec.name, _ACCEPTED] += len(events)
        decoded.events += events
        decoded.offsets += [record.offset] * len(events)
        return True

    def _elements(self, value: bytes) -> list[bytes]:
        if not value or value.isspace():
            raise DecodeError("empty")
        if len(value) > self._settings.max_record_bytes:
            raise DecodeError("too_large", f"{len(value)} bytes")
        try:
            return elements(value, self._settings.max_record_events)
        except FAILURES:
            return elements(repaired(value), self._settings.max_record_events)

    def _element(self, value: bytes, latest: float) -> tuple[RequestEvent | DecodeError, str]:
        """Return the event of an object and its format, or why there is none."""
        failures: list[tuple[DecodeError, str]] = []
        for codec in self._order(value):
            result = self._attempt(codec, value, latest)
            if not isinstance(result, DecodeError):
                return result, codec.name
            known = codec.mark in value or self._fixed is not None
            failures.append((result, codec.name if known else _UNKNOWN))
        # The most telling one: of a format that the object bears the mark of, and not for want
        # of a field, which every object lacks for some format.
        failures.sort(key=lambda f: (f[1] == _UNKNOWN, f[0].reason == "missing_field"))
        failure, name = failures[0]
        if name == _UNKNOWN and failure.reason in _OF_FIELDS:
            failure = DecodeError("unknown_format", "neither canonical nor LiteLLM")
        return failure, name

    def _attempt(
        self, codec: Canonical | Litellm, value: bytes, latest: float
    ) -> RequestEvent | DecodeError:
        try:
            return self._admitted(codec.one(value), latest)
        except FAILURES as error:
            failure = explain(error)
        text = repaired(value) if failure.reason == "not_json" else value
        if text == value:
            return failure
        try:
            return self._admitted(codec.one(text), latest)
        except FAILURES as error:
            return explain(error)

    def _admitted(self, event: RequestEvent, latest: float) -> RequestEvent:
        admit(event, self._settings.oldest_timestamp, latest)
        return event


def _reject(record: Record, failures: list[DecodeError], total: int) -> Reject:
    first = failures[0]
    if total == 1:
        return Reject(record, first.reason, first.detail)
    counts = Counter(failure.reason for failure in failures)
    reasons = ", ".join(f"{reason} {count}" for reason, count in counts.most_common())
    return Reject(
        record, first.reason, f"{len(failures)} of {total} ({reasons}); first: {first.detail}"
    )
