"""Tells the signals of OTLP apart, so that what cannot be a call of a model is refused by name.

Exports of spans, logs and metrics look alike up to their leaves, and senders mix up paths. Only
what decides is looked at; what a call was is the codec's to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec
from google.protobuf.message import DecodeError as ProtobufError
from msgspec import Struct
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData

from stream.intake.codec.framing import elements
from stream.intake.codec.reasons import FAILURES

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Names of the event that tells of a call, in all releases of the conventions that have one.
CALLS: Final = frozenset(
    {"gen_ai.client.inference.operation.details", "gen_ai.client.operation.details"}
)
NOT_METRICS: Final = (
    "these are metrics: post spans to /v1/traces, or logs with the event "
    "gen_ai.client.inference.operation.details to /v1/logs"
)
NOT_THESE_LOGS: Final = (
    "no log record has the event name gen_ai.client.inference.operation.details; only those tell "
    "of calls of a model"
)

#: Where a body of JSON says what it is.
_BEGINNING: Final = 1024
#: Wire types of protobuf.
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_VARINT_BYTES: Final = 10
#: (field, wire type) that only a leaf of this signal has.
_SPAN: Final = (7, _FIXED64)  # start_time_unix_nano
_LOG: Final = frozenset({(1, _FIXED64), (11, _FIXED64)})  # its two times
_METRIC_NAME: Final = (1, _LENGTH)
_METRIC_DATA: Final = frozenset((field, _LENGTH) for field in (5, 7, 9, 10, 11))
#: Resource, scope and leaf: the leaf is in field 2 of field 2 of field 1, in all three signals.
_WAY: Final = (1, 2, 2)


class _Value(Struct, rename="camel"):
    string_value: Any = None


class _Pair(Struct):
    key: Any = None
    value: _Value = msgspec.field(default_factory=_Value)


class _Record(Struct, rename="camel"):
    event_name: Any = None
    attributes: list[_Pair] = []


class _Scope(Struct, rename="camel"):
    log_records: list[_Record] = []


class _Resource(Struct, rename="camel"):
    scope_logs: list[_Scope] = []


class _Logs(Struct, rename="camel"):
    resource_logs: list[_Resource]


_ABSENT: Final = msgspec.Raw(b"null")


class _Top(Struct, rename="camel"):
    resource_spans: msgspec.Raw = _ABSENT
    resource_logs: msgspec.Raw = _ABSENT
    resource_metrics: msgspec.Raw = _ABSENT


_top = msgspec.json.Decoder(_Top).decode
_logs = msgspec.json.Decoder(_Logs).decode


@dataclass(frozen=True, slots=True)
class Signal:
    """What a body is: ``spans``, ``logs``, ``metrics``, or empty for anything else."""

    name: str = ""
    calls: int = 0  # log records with the event
    others: int = 0  # log records without

    @property
    def refused(self) -> str:
        """Return why nothing of it can be read; empty when something can."""
        if self.name == "metrics":
            return NOT_METRICS
        return NOT_THESE_LOGS if self.others and not self.calls else ""


def of_json(text: bytes) -> Signal:
    """Return what a body of JSON is; of an array or lines, what all of them are."""
    # An export has one key, so it stands at the beginning; other bodies are not looked at.
    beginning = text[:_BEGINNING]
    if b'"resourceMetrics"' not in beginning and b'"resourceLogs"' not in beginning:
        return Signal()
    try:
        found = [_of_object(part) for part in elements(text, len(text))]
    except FAILURES:
        return Signal()
    if len({one.name for one in found}) != 1:
        return Signal()
    return Signal(found[0].name, sum(s.calls for s in found), sum(s.others for s in found))


def _of_object(text: bytes) -> Signal:
    top = _top(text)
    if _there(top.resource_spans):
        return Signal("spans")
    if not _there(top.resource_logs):
        return Signal("metrics" if _there(top.resource_metrics) else "")
    return _counted([_event(r) for one in _logs(text).resource_logs for r in _records(one)])


def of_protobuf(body: bytes) -> Signal:
    """Return what an export in protobuf is, by its first leaf."""
    try:
        name = _leaf(body)
        return _counted(list(_events(body))) if name == "logs" else Signal(name)
    except (ProtobufError, IndexError, ValueError):
        return Signal()


def _there(part: msgspec.Raw) -> bool:
    return bytes(part) != bytes(_ABSENT)


def _counted(names: list[object]) -> Signal:
    calls = sum(isinstance(name, str) and name in CALLS for name in names)
    return Signal("logs", calls, len(names) - calls)


def _records(resource: _Resource) -> Iterator[_Record]:
    return (record for scope in resource.scope_logs for record in scope.log_records)


def _event(record: _Record) -> object:
    if record.event_name:
        return record.event_name
    named = (one.value.string_value for one in record.attributes if one.key == "event.name")
    return next(named, None)


def _events(body: bytes) -> Iterator[object]:
    for resource in LogsData.FromString(body).resource_logs:
        for scope in resource.scope_logs:
            for record in scope.log_records:
                named = (a.value.string_value for a in record.attributes if a.key == "event.name")
                yield record.event_name or next(named, None)


def _leaf(body: bytes) -> str:
    """Return the signal of the first leaf; raises ValueError or IndexError for no protobuf."""
    part: bytes | None = body
    for wanted in _WAY:
        part = next(
            (content for field, wire, content in _fields(part) if (field, wire) == (wanted, 2)),
            None,
        )
        if part is None:
            return ""
    kinds = {(field, wire) for field, wire, _ in _fields(part)}
    if _SPAN in kinds:
        return "spans"
    if kinds & _LOG:
        return "logs"
    return "metrics" if _METRIC_NAME in kinds and kinds & _METRIC_DATA else ""


def _fields(message: bytes | None) -> Iterator[tuple[int, int, bytes]]:
    """Yield number, wire type and, of what has a length, the content of each field."""
    at, view = 0, message or b""
    while at < len(view):
        tag, at = _varint(view, at)
        wire, length = tag & 7, 0
        if wire == _VARINT:
            _, at = _varint(view, at)
        elif wire == _LENGTH:
            length, at = _varint(view, at)
        elif wire in {_FIXED64, _FIXED32}:
            at += 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if at + length > len(view):
            raise ValueError("cut short")
        yield tag >> 3, wire, view[at : at + length] if length else b""
        at += length


def _varint(view: bytes, at: int) -> tuple[int, int]:
    number = 0
    for place in range(_VARINT_BYTES):
        byte = view[at + place]
        number |= (byte & 0x7F) << 7 * place
        if not byte & 0x80:
            return number, at + place + 1
    raise ValueError("a number too long")
