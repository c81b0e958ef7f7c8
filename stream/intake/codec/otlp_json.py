"""The JSON side of :mod:`stream.intake.codec.otlp`: an export's spans, values as Python's."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Struct

from stream.core.errors import DecodeError

#: Top-level keys of exports: traces, logs and metrics.
KEYS: Final = frozenset({"resourceSpans", "resourceLogs", "resourceMetrics"})


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


class _Scope(Struct, gc=False):
    name: Any = None


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
    scope: _Scope = msgspec.field(default_factory=_Scope)
    spans: list[_Span] = []


class _ResourceSpans(Struct, rename="camel", gc=False):
    resource: _Attributed = msgspec.field(default_factory=_Attributed)
    scope_spans: list[_ScopeSpans] = []


class _LogRecord(_Attributed, rename="camel", gc=False):
    span_id: Any = None
    time_unix_nano: Any = None
    observed_time_unix_nano: Any = None
    event_name: Any = None
    body: _Value = msgspec.field(default_factory=_Value)


class _ScopeLogs(Struct, rename="camel", gc=False):
    scope: _Scope = msgspec.field(default_factory=_Scope)
    log_records: list[_LogRecord] = []


class _ResourceLogs(Struct, rename="camel", gc=False):
    resource: _Attributed = msgspec.field(default_factory=_Attributed)
    scope_logs: list[_ScopeLogs] = []


class JsonExport(Struct, rename="camel", gc=False):
    """One signal's data; the others are absent."""

    resource_spans: list[_ResourceSpans] | None = None
    resource_logs: list[_ResourceLogs] | None = None
    resource_metrics: list[msgspec.Raw] | None = None


_one = msgspec.json.Decoder(JsonExport).decode
_many = msgspec.json.Decoder(list[JsonExport]).decode


def parsed(value: bytes) -> list[JsonExport]:
    """Return the exports that a record has; raises when it has anything else."""
    found = _many(value) if value.lstrip()[:1] == b"[" else [_one(value)]
    for export in found:
        if (
            export.resource_spans is None
            and export.resource_logs is None
            and export.resource_metrics is None
        ):
            raise DecodeError("missing_field", "no `resourceSpans` or `resourceLogs`")
    return found


def plain(value: _Value) -> Any:  # noqa: ANN401 - any JSON
    """Return the value of OTLP's JSON, integers of which are text."""
    if value.string_value is not None:
        return value.string_value
    if value.int_value is not None:
        return value.int_value
    if value.array_value is not None:
        return [plain(item) for item in value.array_value.values]
    if value.kvlist_value is not None:
        return {pair.key: plain(pair.value) for pair in value.kvlist_value.values}
    return value.bool_value if value.double_value is None else value.double_value
