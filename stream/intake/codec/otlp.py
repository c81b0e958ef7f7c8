"""OpenTelemetry's exports as a collector's Kafka exporter writes them: OTLP as JSON or protobuf.

A record is an export: resources, their scopes, their spans or log records. Every span of a model
call is an event, and so is a log record that describes a whole call; the attributes of its
resource, which often name the tenant, belong to it too. The meaning of the attributes is in
:mod:`stream.intake.codec.gateways.genai`. Metrics are not model calls and are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from stream.core.errors import DecodeError
from stream.intake.codec import otlp_json
from stream.intake.codec.body import unfolded
from stream.intake.codec.compiled_decoder import compile_decoder
from stream.intake.codec.format_table import FormatTable
from stream.intake.codec.gateways.genai import (
    COLLECTED,
    GENAI,
    LOG_EVENT,
    MESSAGE_ATTRIBUTES,
    MESSAGE_EVENTS,
    NUMBERED,
    SCOPE,
)
from stream.intake.codec.pick import AccessPlan, UnusualError
from stream.intake.codec.result import Skipped, attempt

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Sequence

    from stream.intake.codec.event import RequestEvent
    from stream.intake.codec.format_table import Trace
    from stream.intake.codec.result import Result

#: A span's attributes, its resource's, and its own times and status under OTLP's names.
Attributes = dict[str, Any]
#: Turns the value of an attribute into Python's.
Plain = Callable[[Any], Any]

_NUMBERED: Final = re.compile(
    rf"({'|'.join(map(re.escape, NUMBERED))})\.(\d{{1,4}})\.(?:message\.)?(role|content)"
)
#: A protobuf export is a row of these: field 1, length-delimited.
_RESOURCE_SPANS: Final = 0x0A
#: Most bytes of a length; a record is far shorter than 2^35.
_VARINT_BYTES: Final = 5
_DIGITS: Final = len(str(2**64))


class Otlp:
    """Decodes exports; ``account`` may name an attribute of the site's own."""

    #: One object holds any number of events.
    single: Final = False

    def __init__(self, account: str = "") -> None:
        """``account``: an identity, ``/`` and an attribute's name, or empty for the usual."""
        self.name = GENAI.name
        self._table = FormatTable(GENAI, account)
        self.discriminators = self.keys = otlp_json.KEYS
        self._names = [".".join(path.keys) for path in self._table.paths]
        places = [f"get({name!r})" for name in self._names]
        self._compiled = compile_decoder(self._table, AccessPlan(("get = record.get",), places, {}))
        self._wanted = frozenset(self._names) | {"event.name"}

    @property
    def credentials(self) -> int:
        """Return how many objects with a credential there were."""
        return self._table.credentials

    @property
    def dropped(self) -> Counter[str]:
        """Return how many invalid values of each optional field were left out."""
        return self._table.dropped

    def each(self, value: bytes) -> list[Result]:
        """Return the results of a record's spans; raises when the record is no export."""
        exports, plain = _parsed(value)
        return [attempt(self._event, span) for span in self._walk(exports, plain)] or _empty(
            exports
        )

    def explain(self, value: bytes) -> Iterator[tuple[Result, Trace]]:
        """Yield the result of each span of a record, and the path of each field."""
        exports, plain = _parsed(value)
        empty = True
        for span in self._walk(exports, plain):
            empty = False
            trace: Trace = {}
            yield attempt(partial(self._slowly, trace=trace), span), trace
        if empty:
            yield from ((result, {}) for result in _empty(exports))

    def _event(self, span: Attributes) -> RequestEvent | Skipped:
        try:
            return self._compiled(span)
        except (DecodeError, UnusualError):
            return self._slowly(span)

    def _slowly(self, span: Attributes, trace: Trace | None = None) -> RequestEvent | Skipped:
        return self._table.event(tuple(map(span.get, self._names)), trace)

    def _walk(self, exports: Sequence[Any], plain: Plain) -> Iterator[Attributes]:
        """Yield the spans and log records of exports."""
        for export in exports:
            for of_resource in export.resource_spans or ():
                resource = self._taken(of_resource.resource.attributes, plain)
                for scope in of_resource.scope_spans:
                    resource[SCOPE] = scope.scope.name
                    for span in scope.spans:
                        yield self._attributes(span, resource, plain)
            for of_resource in export.resource_logs or ():
                resource = self._taken(of_resource.resource.attributes, plain)
                for scope in of_resource.scope_logs:
                    resource[SCOPE] = scope.scope.name
                    for record in scope.log_records:
                        yield self._of_log(record, resource, plain)

    def _attributes(
        self,
        span: Any,  # noqa: ANN401 - of either encoding
        resource: Attributes,
        plain: Plain,
    ) -> Attributes:
        found = resource | self._taken(span.attributes, plain)
        messages = []
        for event in span.events:
            if event.name in MESSAGE_EVENTS:
                messages.append(_message(event, plain))
            else:
                found |= self._taken(event.attributes, plain)
        if messages:
            found[COLLECTED] = messages
        start, end = _nanoseconds(span.start_time_unix_nano), _nanoseconds(span.end_time_unix_nano)
        # Last, so that no attribute replaces OTLP's own fields.
        return found | {
            "spanId": _id(span),
            SCOPE: resource[SCOPE],
            LOG_EVENT: None,
            "startTimeUnixNano": start,
            "durationNano": end - start if end >= start > 0 else None,
            "status.code": span.status.code,
            "status.message": span.status.message,
        }

    def _of_log(self, record: Any, resource: Attributes, plain: Plain) -> Attributes:  # noqa: ANN401
        """Return a log record's attributes; older exporters write them in the body."""
        found = resource | self._taken(record.attributes, plain)
        if (body := record.body.kvlist_value) is not None:
            found = self._taken(body.values, plain) | found
        time = _nanoseconds(record.time_unix_nano) or _nanoseconds(record.observed_time_unix_nano)
        return found | {
            "spanId": _id(record),
            SCOPE: resource[SCOPE],
            "startTimeUnixNano": time,
            LOG_EVENT: record.event_name or found.get("event.name") or "unnamed",
        }

    def _taken(self, attributes: Any, plain: Plain) -> Attributes:  # noqa: ANN401
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


def _parsed(value: bytes) -> tuple[Sequence[Any], Plain]:
    """Return the exports of a record, and the function that converts its values to Python."""
    if is_protobuf(value):
        from stream.intake.codec.otlp_protobuf import parsed, plain  # noqa: PLC0415 - 0.2 s, if used

        return [parsed(value)], plain
    return otlp_json.parsed(value), otlp_json.plain


def _empty(exports: Sequence[Any]) -> list[Result]:
    """Return the result of exports without any span or log record."""
    metrics = any(export.resource_metrics for export in exports)
    return [
        Skipped(None, "OTLP metrics, which are not model calls" if metrics else "an empty export")
    ]


def _message(event: Any, plain: Plain) -> dict[str, Any]:  # noqa: ANN401 - of either encoding
    attributes = {attribute.key: plain(attribute.value) for attribute in event.attributes}
    content = next((attributes[n] for n in MESSAGE_ATTRIBUTES if n in attributes), None)
    whole = unfolded(content)
    if isinstance(whole, dict) and "content" in whole:
        content = whole["content"]
    elif isinstance(whole, list):
        content = whole
    return {"role": MESSAGE_EVENTS[event.name], "content": content}


def _id(span: Any) -> Any:  # noqa: ANN401 - of either encoding
    return span.span_id.hex() if isinstance(span.span_id, bytes) else span.span_id


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
    """Return the number at a position, -1 without one, and the position behind it."""
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
