"""Records to events: recognises the format record by record, and turns what fails into rejects.

A record may hold one object, a JSON array of objects, objects line by line, or an export of spans.
Of a record with several, the good ones become events; the record goes to the dead letters once for
the others. What tells of something else than a call of a model is counted and left alone.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from stream.codec.canonical import Canonical
from stream.codec.event import RequestEvent, admit
from stream.codec.gateway import Gateway
from stream.codec.reading import Reading
from stream.codec.reasons import FAILURES, OF_CALLERS, explain
from stream.codec.recognise import Recogniser
from stream.codec.result import Passed
from stream.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stream.codec.reading import Found
    from stream.codec.recognise import Codec
    from stream.codec.result import Result
    from stream.codec.settings import IntakeSettings
    from stream.metrics import Metrics
    from stream.types.records import Record

_ACCEPTED: Final = "accepted"
_REJECTED: Final = "rejected"
_IGNORED: Final = "ignored"
_ARRAY: Final = ord("[")


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

    @property
    def invalid(self) -> int:
        """Rejects that speak of a broken deployment, not of callers."""
        return sum(reject.reason not in OF_CALLERS for reject in self.rejects)


class Decoder:
    """Decodes records of one source; counts them by format and result."""

    def __init__(self, settings: IntakeSettings, metrics: Metrics) -> None:
        """Take formats and limits from the settings."""
        self._settings = settings
        self._metrics = metrics
        self._formats = Recogniser(settings)
        #: How the codecs read that make one event of one object.
        self._one: dict[Codec, Callable[[bytes], RequestEvent | Passed]] = {
            codec: codec.one
            for codec in self._formats.codecs
            if isinstance(codec, Canonical | Gateway)
        }
        self._reading = Reading(settings, self._formats, self._read)

    def decode(self, records: Sequence[Record], *, now_s: float) -> Decoded:
        """Return events and rejects; never raises for anything in a record."""
        decoded = Decoded()
        events, offsets = decoded.events, decoded.offsets
        tally: Counter[tuple[str, str]] = Counter()
        credentials = [codec.credentials for codec in self._formats.codecs]
        accepted = dict.fromkeys(self._formats.codecs, 0)
        oldest, latest = self._settings.oldest_timestamp, now_s + self._settings.max_future_s
        longest, guess, readers = self._settings.max_record_bytes, self._formats.guess, self._one
        for record in records:
            value = record.value
            if not value or len(value) > longest:
                self._slowly(record, latest, decoded, tally)
                continue
            codec = guess(value)
            one = readers.get(codec)
            if one is None:
                self._slowly(record, latest, decoded, tally)
                continue
            try:
                event = one(value)
            except FAILURES as error:
                self._failed(record, codec, error, latest, decoded, tally)
                continue
            if isinstance(event, Passed):
                found = self._reading.admitted(event, latest)
                _add([(found, codec.name)], record, decoded, tally)
                continue
            try:
                admit(event, oldest, latest)
            except DecodeError as error:
                _add([(error, codec.name)], record, decoded, tally)
            else:
                accepted[codec] += 1
                events.append(event)
                offsets.append(record.offset)
        for codec, count in accepted.items():
            if count:
                tally[codec.name, _ACCEPTED] += count
        self._count(tally, credentials)
        return decoded

    def _count(self, tally: Counter[tuple[str, str]], credentials: Sequence[int]) -> None:
        for (name, result), count in tally.items():
            self._metrics.events_total.labels(format=name, result=result).inc(count)
        for codec, before in zip(self._formats.codecs, credentials, strict=True):
            if codec.credentials > before:
                dropped = self._metrics.credentials_dropped_total.labels(format=codec.name)
                dropped.inc(codec.credentials - before)

    def _failed(
        self,
        record: Record,
        codec: Codec,
        error: Exception,
        latest: float,
        decoded: Decoded,
        tally: Counter[tuple[str, str]],
    ) -> None:
        """Put a record where it belongs that its codec cannot read, or another codec may."""
        if isinstance(error, DecodeError) and error.reason in OF_CALLERS:
            # The codec is right and knows no caller, as no other would. Whoever is turned away
            # must not cost more than those who are not.
            _add([(self._reading.admitted(error, latest), codec.name)], record, decoded, tally)
        else:
            self._formats.was_wrong(record.value)
            self._slowly(record, latest, decoded, tally)

    def _slowly(
        self, record: Record, latest: float, decoded: Decoded, tally: Counter[tuple[str, str]]
    ) -> None:
        """Decode a record that is more, or less, than one event; never raises."""
        try:
            found = self._found(record.value, latest)
        except FAILURES as error:
            found = [(explain(error), self._reading.nobody)]
        _add(found, record, decoded, tally)

    def _found(self, value: bytes, latest: float) -> Found:
        """Return what the objects of a record are; raises one of ``reasons.FAILURES``."""
        settings = self._settings
        if not value or value.isspace():
            raise DecodeError("empty")
        if len(value) > settings.max_record_bytes:
            raise DecodeError("too_large", f"{len(value)} bytes")
        found = self._at_once(value, latest)
        if found is None:
            found = self._reading.record(value, latest)
        if len(found) > settings.max_record_events:
            raise DecodeError("too_many", f"{len(found)}, at most {settings.max_record_events}")
        return found

    def _at_once(self, value: bytes, latest: float) -> Found | None:
        """Decode an array of one format, or an export of spans, in one go; None if it is neither.

        What of an array is not that format's is looked at once more, by itself.
        """
        codec = self._formats.guess(value)
        single = codec in self._one
        if single and value[0] != _ARRAY:
            return None
        try:
            results = codec.each(value)
        except FAILURES:
            self._formats.was_wrong(value)
            return None
        if not results:
            return None if single else [(Passed(None), codec.name)]
        # With a fixed format there is no other that an element may be of.
        again = single and self._formats.fixed is None
        found: Found = []
        parts: list[bytes] = []
        for i, result in enumerate(results):
            if again and isinstance(result, DecodeError):
                parts = parts or self._reading.parts(value)
                found += self._reading.object(parts[i], latest)
            else:
                found.append((self._reading.admitted(result, latest), codec.name))
        return found

    def _read(self, codec: Codec, value: bytes) -> Sequence[Result]:
        one = self._one.get(codec)
        return [one(value)] if one else codec.each(value)


def _add(found: Found, record: Record, decoded: Decoded, tally: Counter[tuple[str, str]]) -> None:
    """Put what became of a record's objects where it belongs."""
    failures = []
    for result, name in found:
        if isinstance(result, RequestEvent):
            decoded.events.append(result)
            decoded.offsets.append(record.offset)
            tally[name, _ACCEPTED] += 1
            continue
        if isinstance(result, Passed):
            decoded.ignored += 1
            tally[name, _IGNORED] += 1
        else:
            failures.append(result)
            tally[name, _REJECTED] += 1
        if result.time_s is not None:
            decoded.passed_s = max(decoded.passed_s, result.time_s)
    if failures:
        decoded.rejects.append(_reject(record, failures, len(found)))


def _reject(record: Record, failures: list[DecodeError], total: int) -> Reject:
    first = failures[0]
    if total == 1:
        return Reject(record, first.reason, first.detail)
    counts = Counter(failure.reason for failure in failures)
    reasons = ", ".join(f"{reason} {count}" for reason, count in counts.most_common())
    return Reject(
        record, first.reason, f"{len(failures)} of {total} ({reasons}); first: {first.detail}"
    )
