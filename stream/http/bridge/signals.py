"""Distinguishes the signals of OTLP, so that a post without model calls is refused with a reason.

Exports of spans, logs and metrics look alike up to their leaves, and senders mix up paths. The
exports are parsed as intake parses them; what a call contains is not looked at here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from stream.core.errors import DecodeError
from stream.intake.codec import otlp_protobuf
from stream.intake.codec.framing import elements
from stream.intake.codec.gateways.genai import CALL_LOGS
from stream.intake.codec.otlp_json import JsonExport
from stream.intake.codec.reasons import FAILURES

if TYPE_CHECKING:
    from collections.abc import Iterator

NOT_METRICS: Final = (
    "these are metrics: post spans to /v1/traces, or logs with the event "
    "gen_ai.client.inference.operation.details to /v1/logs"
)
NOT_THESE_LOGS: Final = (
    "no log record has the event name gen_ai.client.inference.operation.details; only records "
    "with it are model calls"
)

#: An export in JSON has its one key at the beginning, within this many bytes (assumed).
_BEGINNING: Final = 1024
_export = msgspec.json.Decoder(JsonExport).decode


@dataclass(frozen=True, slots=True)
class Signal:
    """What a body is: ``spans``, ``logs``, ``metrics``, or empty for anything else."""

    name: str = ""
    calls: int = 0  # log records with the event
    others: int = 0  # log records without

    @property
    def refused(self) -> str:
        """Return why no part of it can be read; empty when some part can."""
        if self.name == "metrics":
            return NOT_METRICS
        return NOT_THESE_LOGS if self.others and not self.calls else ""


def of_json(text: bytes) -> Signal:
    """Return what a body of JSON is; of an array or lines, what all of them are."""
    # Spans and the logs of gateways, which are most bodies, are not parsed.
    beginning = text[:_BEGINNING]
    if b'"resourceMetrics"' not in beginning and b'"resourceLogs"' not in beginning:
        return Signal()
    try:
        found = [_of_export(_export(part)) for part in elements(text, len(text))]
    except FAILURES:
        return Signal()
    if len({one.name for one in found}) != 1:
        return Signal()
    return Signal(found[0].name, sum(s.calls for s in found), sum(s.others for s in found))


def of_protobuf(body: bytes) -> Signal:
    """Return what an export in protobuf is."""
    try:
        return _of_export(otlp_protobuf.parsed(body))
    except DecodeError:
        return Signal()


def _of_export(export: JsonExport | otlp_protobuf.ProtobufExport) -> Signal:
    if export.resource_spans is not None:
        return Signal("spans")
    if export.resource_logs is None:
        return Signal("metrics" if export.resource_metrics is not None else "")
    names = [_event(record) for record in _records(export.resource_logs)]
    calls = sum(isinstance(name, str) and name in CALL_LOGS for name in names)
    return Signal("logs", calls, len(names) - calls)


def _records(resource_logs: Any) -> Iterator[Any]:  # noqa: ANN401 - of either encoding
    return (
        record
        for resource in resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    )


def _event(record: Any) -> object:  # noqa: ANN401 - of either encoding
    """Return the event name of a log record: its own field, or an attribute in older ones."""
    if record.event_name:
        return record.event_name
    named = (one.value.string_value for one in record.attributes if one.key == "event.name")
    return next(named, None)
