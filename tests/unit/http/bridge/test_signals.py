"""Signals of OTLP are answered as what they are, over real HTTP, on whatever path they come."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, TracesData

from stream.http.bridge.signals import of_json, of_protobuf
from testlib.bridge import ONE, running
from testlib.paths import SAMPLES

CALL = "gen_ai.client.inference.operation.details"
PROTOBUF = "application/x-protobuf"
METRICS = {
    "resourceMetrics": [
        {"scopeMetrics": [{"metrics": [{"name": "gen_ai.client.token.usage", "sum": {}}]}]}
    ]
}


def logs(*names: str | None, attribute: bool = False) -> dict[str, Any]:
    """Return an export of log records with these event names, as JSON has it."""

    def record(name: str | None) -> dict[str, Any]:
        if attribute and name:
            return {"attributes": [{"key": "event.name", "value": {"stringValue": name}}]}
        return {"timeUnixNano": "1", "eventName": name} if name else {"timeUnixNano": "1"}

    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [record(name) for name in names]}]}]}


def logs_protobuf(*names: str) -> bytes:
    records = [LogRecord(time_unix_nano=1, event_name=name) for name in names]
    scopes = [ScopeLogs(log_records=records)]
    return bytes(LogsData(resource_logs=[ResourceLogs(scope_logs=scopes)]).SerializeToString())


def metrics_protobuf(kind: str) -> bytes:
    data = MetricsData()
    metric = data.resource_metrics.add().scope_metrics.add().metrics.add()
    # As long as a trace id and a span id, which stand in the same fields.
    metric.name, metric.description = "m" * 16, "d" * 8
    getattr(metric, kind).data_points.add().time_unix_nano = 1
    return bytes(data.SerializeToString())


@pytest.mark.parametrize("path", ["/v1/metrics", "/v1/metrics/"])
async def test_the_path_of_metrics_takes_nothing(path: str) -> None:
    async with running() as bridge:
        status, _, body = await bridge.post(ONE, path=path)
        assert status == 415
        assert json.loads(body)["reason"].startswith("these are metrics: post spans to /v1/traces")
        assert bridge.counted() == {"wrong_signal": 1}
        assert bridge.producer.sent == []


@pytest.mark.parametrize("path", ["/", "/v1/traces", "/v1/logs"])
@pytest.mark.parametrize(
    "body",
    [
        json.dumps(METRICS).encode(),
        json.dumps([METRICS, METRICS]).encode(),
        b"\n".join([json.dumps(METRICS).encode()] * 2),
        metrics_protobuf("sum"),
        metrics_protobuf("gauge"),
        metrics_protobuf("histogram"),
        metrics_protobuf("exponential_histogram"),
        metrics_protobuf("summary"),
    ],
)
async def test_metrics_are_named_and_refused_on_any_path(path: str, body: bytes) -> None:
    kind = PROTOBUF if body[:1] == b"\n" else "application/json"
    async with running() as bridge:
        status, headers, answer = await bridge.post(body, path=path, Content_Type=kind)
        assert (status, headers["Content-Type"].partition(";")[0]) == (415, kind)
        assert b"these are metrics" in answer
        assert answer.count(b"\n") == 0 or kind == PROTOBUF
        assert bridge.producer.sent == []


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(logs(CALL)).encode(),
        json.dumps(logs(CALL, attribute=True)).encode(),
        json.dumps(logs()).encode(),
        logs_protobuf(CALL, CALL),
    ],
)
async def test_logs_of_calls_are_passed_on(body: bytes) -> None:
    kind = PROTOBUF if body[:1] == b"\n" else "application/json"
    async with running() as bridge:
        status, _, answer = await bridge.post(body, path="/v1/logs", Content_Type=kind)
        assert (status, answer) == (200, b"" if kind == PROTOBUF else b"{}")
        assert bridge.producer.sent == [body]


@pytest.mark.parametrize(
    "body", [json.dumps(logs("other", None)).encode(), logs_protobuf("other", "")]
)
async def test_logs_without_a_call_are_refused(body: bytes) -> None:
    kind = PROTOBUF if body[:1] == b"\n" else "application/json"
    async with running() as bridge:
        status, _, answer = await bridge.post(body, path="/v1/logs", Content_Type=kind)
        assert status == 415
        assert CALL.encode() in answer
        assert bridge.producer.sent == []


async def test_the_answer_to_mixed_logs_counts_those_that_are_not_calls() -> None:
    async with running() as bridge:
        mixed = json.dumps(logs(CALL, "other", None)).encode()
        status, _, answer = await bridge.post(mixed, path="/v1/logs")
        assert (status, json.loads(answer)["partialSuccess"]["rejectedLogRecords"]) == (200, "2")
        packed = logs_protobuf(CALL, "other")
        status, _, answer = await bridge.post(packed, path="/v1/logs", Content_Type=PROTOBUF)
        partial = ExportLogsServiceResponse.FromString(answer).partial_success
        assert (status, partial.rejected_log_records) == (200, 1)
        assert bridge.producer.sent == [mixed, packed]


async def test_an_empty_array_is_accepted_and_nothing_is_sent() -> None:
    async with running() as bridge:
        assert (await bridge.post(b" [ ]\n"))[0] == 200
        assert bridge.producer.sent == []


async def test_a_refusal_has_a_reason() -> None:
    async with running() as bridge:
        _, _, answer = await bridge.post(b"hello")
        assert json.loads(answer) == {
            "error": "invalid",
            "reason": "expected an object, an array, or objects line by line",
        }


async def test_a_failure_in_protobuf_is_a_status_with_a_message() -> None:
    async with running() as bridge:
        _, _, answer = await bridge.post(
            metrics_protobuf("sum"), path="/v1/traces", Content_Type=PROTOBUF
        )
        assert answer[:1] == b"\x12"
        length = answer[1] & 0x7F | answer[2] << 7
        assert answer[3:].startswith(b"wrong_signal: these are metrics")
        assert len(answer) == 3 + length


def test_spans_are_spans_whatever_their_content() -> None:
    assert of_protobuf((SAMPLES / "otlp_genai_traces.binpb").read_bytes()).name == "spans"
    span = Span(name="chat", start_time_unix_nano=1)
    scopes = [ScopeSpans(spans=[span])]
    data = TracesData(resource_spans=[ResourceSpans(scope_spans=scopes)])
    assert of_protobuf(data.SerializeToString()).name == "spans"
    answer = {"resourceSpans": [], "note": '"resourceMetrics"', "resourceMetrics": []}
    assert of_json(json.dumps(answer).encode()).name == "spans"


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"account_id": "a", "prompt": json.dumps(METRICS)}).encode(),
        json.dumps([{"account_id": "a", "x": METRICS}, METRICS]).encode(),
        b'{"resourceMetrics"',
        b'{"resourceLogs": 3}',
        b"[" * 100_000 + b'"resourceLogs"',
    ],
)
def test_what_only_mentions_a_signal_is_none(body: bytes) -> None:
    assert of_json(body).refused == ""


@pytest.mark.parametrize("body", [b"\n", b"\n\x03abc", b"\xff" * 20, b"\n\xff\xff", b"\x0a\x00"])
def test_what_is_no_export_is_left_to_the_codec(body: bytes) -> None:
    assert of_protobuf(body).refused == ""
