"""OpenTelemetry traces as a collector's Kafka exporter writes them: OTLP as JSON or as protobuf.

A record is an export: resources, their scopes, their spans. Every span of a call of a model is an
event; the attributes of its resource, which often name the tenant, count for it too. What the
attributes mean stands in :mod:`stream.codec.gateways.genai`.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from stream.codec.gateways.genai import AROUND_CALLS, GENAI, NUMBERED
from stream.codec.pick import Reach, UnusualError
from stream.codec.result import attempt
from stream.codec.straight import straight
from stream.codec.table import Table
from stream.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from stream.codec.event import RequestEvent
    from stream.codec.result import Passed, Result
    from stream.codec.table import Trace

#: A span's attributes, its resource's, and its own times and status under OTLP's names.
Attributes = dict[str, Any]

_NUMBERED: Final = re.compile(
    rf"({'|'.join(map(re.escape, NUMBERED))})\.(\d{{1,4}})\.(?:message\.)?(role|content)"
)
#: A protobuf export is a row of these: field 1, length-delimited.
_RESOURCE_SPANS: Final = 0x0A
#: Of a length; a record is far shorter than 2^35.
_VARINT_BYTES: Final = 5
_DIGITS: Final = len(str(2**64))


# The names are those of OTLP's protobuf messages, so that one function walks both.
class _Value(Struct, rename="camel", gc=False):
    string_value: Any = None
    int_value: Any = None
    double_value: Any = None
    bool_value: Any = None
    array_value: _Values | None = None
    kvlist_value: _Pairs | None = None


class _Values(Struct, gc=False):
    values: list[_Value] = []


class _Pair(Struct, gc=False):
    value: _Value = msgspec.field(default_factory=_Value)
    key: str = ""


class _Pairs(Struct, gc=False):
    values: list[_Pair] = []


class _Attributed(Struct, gc=False):
    attributes: list[_Pair] = []


class _Event(_Attributed, gc=False):
    name: Any = None


class _Status(Struct, gc=False):
    code: Any = None
    message: Any = None


class _Span(_Attributed, rename="camel", gc=False):
    span_id: Any = None
    start_time_unix_nano: Any = None
    end_time_unix_nano: Any = None
    events: list[_Event] = []
    status: _Status = msgspec.field(default_factory=_Status)


class _ScopeSpans(Struct, gc=False):
    spans: list[_Span] = []


class _ResourceSpans(Struct, rename="camel", gc=False):
    resource: _Attributed = msgspec.field(default_factory=_Attributed)
    scope_spans: list[_ScopeSpans] = []


class _Export(Struct, rename="camel", gc=False):
    resource_spans: list[_ResourceSpans]


class Otlp:
    """Decodes exports of spans; ``account`` may name an attribute of the site's own."""

    #: One object holds any number of events.
    single: Final = False

    def __init__(self, account: str = "") -> None:
        """``account``: an identity, ``/`` and an attribute's name, or empty for the usual."""
        self.name = GENAI.name
        self._table = Table(GENAI, account)
        self.marks = self.keys = frozenset({"resourceSpans"})
        self._names = [".".join(path.keys) for path in self._table.paths]
        places = [f"get({name!r})" for name in self._names]
        self._straight = straight(self._table, Reach(("get = record.get",), places, {}))
        self._wanted = frozenset(self._names) | AROUND_CALLS.keys()
        self._one = msgspec.json.Decoder(_Export).decode
        self._many = msgspec.json.Decoder(list[_Export]).decode

    @property
    def credentials(self) -> int:
        """Return how many objects with a credential there were."""
        return self._table.credentials

    def each(self, value: bytes) -> list[Result]:
        """Return what the spans of a record are; raises when the record is no export."""
        return [attempt(self._event, span) for span in self._spans(value)]

    def explain(self, value: bytes) -> Iterator[tuple[Result, Trace]]:
        """Yield what each span of a record is, and where its fields were taken from."""
        for span in self._spans(value):
            trace: Trace = {}
            yield attempt(partial(self._slowly, trace=trace), span), trace

    def _event(self, span: Attributes) -> RequestEvent | Passed:
        if _around_calls(span):
            return self._table.passed([span["startTimeUnixNano"]])
        try:
            return self._straight(span)
        except (DecodeError, UnusualError):
            return self._slowly(span)

    def _slowly(self, span: Attributes, trace: Trace | None = None) -> RequestEvent | Passed:
        if _around_calls(span):
            return self._table.passed([span["startTimeUnixNano"]])
        return self._table.event(tuple(map(span.get, self._names)), trace)

    def _spans(self, value: bytes) -> Iterator[Attributes]:
        if is_protobuf(value):
            from stream.codec.otlp_protobuf import parsed, plain  # noqa: PLC0415 - 0.2 s, if used

            yield from self._walk([parsed(value)], plain)
        else:
            array = value.lstrip()[:1] == b"["
            yield from self._walk(self._many(value) if array else [self._one(value)], _plain)

    def _walk(self, exports: Iterable[Any], plain: Callable[[Any], Any]) -> Iterator[Attributes]:
        """Yield the spans of exports; ``plain`` turns the value of an attribute into Python's."""
        for export in exports:
            for of_resource in export.resource_spans:
                resource = self._taken(of_resource.resource.attributes, plain)
                for scope in of_resource.scope_spans:
                    for span in scope.spans:
                        yield self._attributes(span, resource, plain)

    def _attributes(
        self,
        span: Any,  # noqa: ANN401 - of either encoding
        resource: Attributes,
        plain: Callable[[Any], Any],
    ) -> Attributes:
        found = resource | self._taken(span.attributes, plain)
        for event in span.events:
            found |= self._taken(event.attributes, plain)
        start, end = _nanoseconds(span.start_time_unix_nano), _nanoseconds(span.end_time_unix_nano)
        # Last, so that no attribute stands in for what OTLP itself says.
        return found | {
            "spanId": span.span_id.hex() if isinstance(span.span_id, bytes) else span.span_id,
            "startTimeUnixNano": start,
            "durationNano": end - start if end >= start > 0 else None,
            "status.code": span.status.code,
            "status.message": span.status.message,
        }

    def _taken(self, attributes: Any, plain: Callable[[Any], Any]) -> Attributes:  # noqa: ANN401
        found: Attributes = {}
        spread: dict[str, dict[int, dict[str, Any]]] = {}
        for attribute in attributes:
            name = attribute.key
            if name in self._wanted:
                found[name] = plain(attribute.value)
            elif name.startswith(NUMBERED) and (part := _NUMBERED.fullmatch(name)):
                whole, number, key = part.groups()
                message = spread.setdefault(whole, {}).setdefault(int(number), {})
                message[key] = plain(attribute.value)
        for whole, messages in spread.items():
            found[whole] = [messages[number] for number in sorted(messages)]
        return found


def _around_calls(span: Attributes) -> bool:
    return any(str(span.get(name)) in kinds for name, kinds in AROUND_CALLS.items())


def is_protobuf(value: bytes) -> bool:
    """Return whether a record is framed as a protobuf export, which no JSON text is.

    JSON may begin with the same byte, a line feed, but then its lengths do not add up.
    """
    if not value or value[0] != _RESOURCE_SPANS:
        return False
    at = 0
    while at < len(value):
        tag, (length, at) = value[at], _varint(value, at + 1)
        if tag != _RESOURCE_SPANS or length < 0:
            return False
        at += length
    return at == len(value)


def _varint(value: bytes, at: int) -> tuple[int, int]:
    """Return the number at a place, -1 where there is none, and the place behind it."""
    number = 0
    for i, byte in enumerate(value[at : at + _VARINT_BYTES]):
        number |= (byte & 0x7F) << 7 * i
        if not byte & 0x80:
            return number, at + i + 1
    return -1, at


def _nanoseconds(value: object) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _DIGITS:
        return int(value)
    return value if type(value) is int else 0


def _plain(value: _Value) -> Any:  # noqa: ANN401 - any JSON
    """Return the value of OTLP's JSON, integers of which are text."""
    if value.string_value is not None:
        return value.string_value
    if value.int_value is not None:
        return value.int_value
    if value.array_value is not None:
        return [_plain(item) for item in value.array_value.values]
    if value.kvlist_value is not None:
        return {pair.key: _plain(pair.value) for pair in value.kvlist_value.values}
    return value.bool_value if value.double_value is None else value.double_value
