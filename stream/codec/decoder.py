"""Records to events: recognises the format record by record, and turns what fails into rejects.

A record may hold one object, a JSON array of objects, or objects line by line. Of a record with
several, the good ones become events; the record goes to the dead letters once for the others.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from stream.codec import canonical, litellm
from stream.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from stream.codec.event import RequestEvent
    from stream.codec.settings import IntakeSettings
    from stream.metrics import Metrics
    from stream.types.records import Record

_DECODERS: Final[dict[str, Callable[[bytes | msgspec.Raw], RequestEvent]]] = {
    canonical.NAME: canonical.decode,
    litellm.NAME: litellm.decode,
}
_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
#: Both stand in every LiteLLM payload; neither is a canonical field.
_LITELLM_MARKS: Final = (b'"startTime"', b'"metadata"')


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that is, at least in part, not an event."""

    record: Record
    reason: str
    detail: str


@dataclass(slots=True)
class Decoded:
    """What became of consecutive records; ``offsets`` has the record's offset for each event."""

    events: list[RequestEvent] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)


class Decoder:
    """Decodes records of one source; counts them by format and result."""

    def __init__(self, settings: IntakeSettings, metrics: Metrics) -> None:
        """Take format and limits from the settings."""
        self._settings = settings
        self._metrics = metrics
        self._fixed = None if settings.format == "auto" else settings.format

    def decode(self, records: Sequence[Record], *, now_s: float) -> Decoded:
        """Return events and rejects; never raises for anything in a record."""
        decoded = Decoded()
        counts: Counter[tuple[str, str]] = Counter()
        latest = now_s + self._settings.max_future_s
        for record in records:
            self._decode_record(record, latest, decoded, counts)
        for (name, result), count in counts.items():
            self._metrics.events_total.labels(format=name, result=result).inc(count)
        return decoded

    def _decode_record(
        self, record: Record, latest: float, decoded: Decoded, counts: Counter[tuple[str, str]]
    ) -> None:
        rejected: DecodeError | None = None
        try:
            self._check_size(record.value)
            for value in _values(record.value):
                name = self._fixed or _recognise(value)
                try:
                    event = self._one(name, value, latest)
                except DecodeError as error:
                    counts[name, "rejected"] += 1
                    rejected = error
                else:
                    counts[name, "accepted"] += 1
                    decoded.events.append(event)
                    decoded.offsets.append(record.offset)
        except DecodeError as error:
            counts[self._fixed or "unknown", "rejected"] += 1
            rejected = error
        if rejected is not None:
            decoded.rejects.append(Reject(record, rejected.reason, rejected.detail))

    def _check_size(self, value: bytes | None) -> None:
        if not value or value.isspace():
            raise DecodeError("empty")
        if len(value) > self._settings.max_record_bytes:
            raise DecodeError("too_large", f"{len(value)} bytes")

    def _one(self, name: str, value: bytes | msgspec.Raw, latest: float) -> RequestEvent:
        try:
            event = _DECODERS[name](value)
        except msgspec.ValidationError as error:
            raise DecodeError(_reason(str(error)), str(error)) from None
        except msgspec.DecodeError as error:
            raise DecodeError(_not_json(str(error)), str(error)) from None
        except UnicodeDecodeError as error:
            raise DecodeError("not_utf8", error.reason) from None
        except RecursionError:
            raise DecodeError("too_deep") from None
        event.timestamp = self._time(event.timestamp, latest)
        if event.account_created_at is not None:
            event.account_created_at = _epoch(event.account_created_at)
        return event

    def _time(self, timestamp: float | datetime, latest: float) -> float:
        seconds = _epoch(timestamp)
        if not self._settings.oldest_timestamp <= seconds <= latest:
            raise DecodeError("bad_timestamp", f"{seconds:g}")
        return seconds


def _values(value: bytes) -> Iterator[bytes | msgspec.Raw]:
    """Yield the objects of a record: itself, an array's elements, or its lines."""
    if value.lstrip()[:1] == b"[":
        try:
            elements = _array(value)
        except msgspec.DecodeError as error:
            raise DecodeError(_not_json(str(error)), str(error)) from None
        except RecursionError:
            raise DecodeError("too_deep") from None
        if not elements:
            raise DecodeError("empty", "an empty array")
        yield from elements
    elif b"\n" in value:
        yield from _lines(value)
    else:
        yield value


def _lines(value: bytes) -> Iterator[bytes]:
    # A pretty-printed object has line breaks too: only lines that look like objects are ndjson.
    lines = [line for line in value.splitlines() if line.strip()]
    if all(line.lstrip()[:1] == b"{" and line.rstrip()[-1:] == b"}" for line in lines):
        yield from lines
    else:
        yield value


def _recognise(value: bytes | msgspec.Raw) -> str:
    """Return the format of an object: by keys that only one format has."""
    content = bytes(value)
    if all(mark in content for mark in _LITELLM_MARKS):
        return litellm.NAME
    return canonical.NAME


def _epoch(value: float | datetime) -> float:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(value):
        raise DecodeError("out_of_range", "a time that is not finite")
    return value


def _not_json(message: str) -> str:
    return "not_utf8" if "utf-8" in message.lower() else "not_json"


def _reason(message: str) -> str:
    """Return the reason for msgspec's validation message."""
    if "missing required field" in message:
        return "missing_field"
    if message.startswith("Expected `object`") and " - at `$" not in message:
        return "not_an_object"
    if ">=" in message or "<=" in message or "length" in message or "matching regex" in message:
        return "out_of_range"
    if "out of range" in message or "Number" in message:
        return "out_of_range"
    return "wrong_type"
