"""Exports of OTLP by their signal: logs with the inference event are read, metrics pass by."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf import json_format
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from testlib.traffic.gateway_samples import decode, known

TIME = "1760000000500000000"
EVENT_NAME = "gen_ai.client.inference.operation.details"
CALL = {
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.operation.name": "chat",
    "user.id": "u-3",
    "gen_ai.usage.input_tokens": 31,
    "gen_ai.usage.output_tokens": 7,
    "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"Name a lake."}]}]',
}


def pairs(attributes):
    kinds = {str: "stringValue", int: "intValue"}
    return [
        {"key": name, "value": {kinds[type(value)]: value}} for name, value in attributes.items()
    ]


def logs(*records, resource=None):
    resource_ = {"attributes": pairs(resource or {})}
    return {"resourceLogs": [{"resource": resource_, "scopeLogs": [{"logRecords": [*records]}]}]}


def record(name=EVENT_NAME, attributes=CALL, **more):
    named = {"eventName": name} if name else {}
    return {"timeUnixNano": TIME, "attributes": pairs(attributes)} | named | more


def both_ways(export, message=LogsData):
    """Return what is decoded of an export as JSON, after holding that protobuf gives the same."""
    value = json.dumps(export).encode()
    binary = json_format.Parse(value, message()).SerializeToString()
    as_json, as_protobuf = decode(value), decode(binary)
    assert as_protobuf.events == as_json.events
    assert as_protobuf.ignored == as_json.ignored
    assert len(as_protobuf.rejects) == len(as_json.rejects)
    return as_json


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {}),
        ({"user.id": "u-4"}, {"account_id": "u-4"}),
        ({"gen_ai.usage.input_tokens": 0}, {"input_tokens": 0}),
        ({"gen_ai.operation.name": "embeddings"}, {"operation": "embeddings"}),
        ({"error.type": "429"}, {"status": 429}),
        ({"gen_ai.response.id": "resp-1"}, {"request_id": "resp-1"}),
        ({"client.address": "203.0.113.9"}, {"client_ip": "203.0.113.9"}),
        ({"gen_ai.usage.cache_read.input_tokens": 9}, {"cached_tokens": 9}),
        ({"gen_ai.request.max_tokens": 64}, {"max_tokens": 64}),
        ({"gen_ai.input.messages": "[REDACTED]"}, {"prompt": None}),
        (
            {"gen_ai.system_instructions": '[{"type":"text","content":"Be brief."}]'},
            {"system_prompt": "Be brief."},
        ),
    ],
)
def test_a_log_record_of_the_inference_event_is_a_call(change, expected):
    decoded = both_ways(logs(record(attributes=CALL | change)))
    assert decoded.rejects == []
    [event] = decoded.events
    usual = {"account_id": "u-3", "model": "gpt-4o", "timestamp": 1_760_000_000.5}
    tokens = {"input_tokens": 31, "output_tokens": 7, "prompt": "Name a lake.", "status": 200}
    for name, value in (usual | tokens | expected).items():
        assert known(event).get(name) == value


def test_older_records_name_the_event_and_its_fields_elsewhere():
    attribute = record(name=None, attributes=CALL | {"event.name": EVENT_NAME})
    body = {"kvlistValue": {"values": pairs(CALL)}}
    in_body = record(attributes={"user.id": "u-3"}, body=body)
    observed = record() | {"timeUnixNano": "0", "observedTimeUnixNano": TIME}
    decoded = both_ways(logs(attribute, in_body, observed))
    assert [event.input_tokens for event in decoded.events] == [31, 31, 31]
    assert {event.timestamp for event in decoded.events} == {1_760_000_000.5}


def test_what_the_resource_says_counts_for_its_records():
    without = {name: value for name, value in CALL.items() if name != "user.id"}
    decoded = both_ways(logs(record(attributes=without), resource={"tenant.id": "t-1"}))
    assert decoded.events[0].account_id == "t-1"


@pytest.mark.parametrize(
    "name",
    [None, "gen_ai.user.message", "gen_ai.choice", "gen_ai.evaluation.result", "exception", "http"],
)
def test_other_log_records_pass_by(name):
    decoded = both_ways(logs(record(name=name), record()))
    assert (len(decoded.events), decoded.ignored, decoded.rejects) == (1, 1, [])
    assert decoded.skipped_s == 1_760_000_000.5


POINT = {"timeUnixNano": TIME, "asDouble": 1.5}
HISTOGRAM = {"timeUnixNano": TIME, "count": "3", "sum": 9, "bucketCounts": ["1", "2"],
             "explicitBounds": [64]}  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        {"gauge": {"dataPoints": [POINT]}},
        {"sum": {"dataPoints": [POINT], "aggregationTemporality": 2, "isMonotonic": True}},
        {"histogram": {"dataPoints": [HISTOGRAM], "aggregationTemporality": 1}},
        {"summary": {"dataPoints": [{"timeUnixNano": TIME, "count": "1", "sum": 2}]}},
        {"exponentialHistogram": {"dataPoints": [{"timeUnixNano": TIME, "count": "4"}]}},
    ],
    ids=lambda data: next(iter(data)),
)
@pytest.mark.parametrize("name", ["gen_ai.client.token.usage", "sixteen.letters.", "up"])
def test_metrics_pass_by(name, data):
    metric = {"name": name, "unit": "{token}"} | data
    export = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric, metric]}]}]}
    decoded = both_ways(export, MetricsData)
    assert (decoded.events, decoded.rejects, decoded.ignored) == ([], [], 1)


@pytest.mark.parametrize("key", ["resourceSpans", "resourceLogs", "resourceMetrics"])
def test_an_empty_export_is_nothing(key):
    decoded = decode(json.dumps({key: []}).encode())
    assert (decoded.events, decoded.rejects, decoded.ignored) == ([], [], 1)


def span(*said, **attributes):
    events = [{"name": name, "timeUnixNano": TIME, "attributes": pairs(of)} for name, of in said]
    usual = {"gen_ai.request.model": "gpt-4o", "user.id": "u-3"}
    one: dict[str, Any] = {
        "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
        "spanId": "00f067aa0ba902b7",
    }
    # Protobuf's JSON has ids in base64.
    one = {} if attributes.pop("bare", False) else one
    one |= {"startTimeUnixNano": TIME, "endTimeUnixNano": TIME, "events": events}
    one |= {"attributes": pairs(usual | attributes)}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [one]}]}]}


SYSTEM, USER = "gen_ai.system.message", "gen_ai.user.message"
ASKED = {"content": "Name a river."}


@pytest.mark.parametrize(
    ("said", "system", "prompt"),
    [
        ([(SYSTEM, {"content": "Be brief."}), (USER, ASKED)], "Be brief.", "Name a river."),
        ([(USER, ASKED)], None, "Name a river."),
        ([(USER, {"content": "First?"}), (USER, ASKED)], None, "Name a river."),
        ([(USER, ASKED), ("gen_ai.assistant.message", {"content": "Ob."})], None, "Name a river."),
        ([(USER, ASKED), ("gen_ai.tool.message", {"content": "7"})], None, "Name a river."),
        ([(USER, ASKED), ("gen_ai.choice", {"content": "Ob."})], None, "Name a river."),
        ([(USER, {"gen_ai.event.content": json.dumps({"role": "user"} | ASKED)})],
         None, "Name a river."),
        ([(USER, {"content": json.dumps([{"type": "text", "text": "Name a river."}])})],
         None, "Name a river."),
        ([(USER, {"message": "Name a river."})], None, "Name a river."),
        ([(USER, {"content": "[REDACTED]"})], None, None),
        ([(USER, {})], None, None),
        ([("gen_ai.content.prompt", {"gen_ai.prompt": json.dumps([{"role": "user"} | ASKED])})],
         None, "Name a river."),
    ],
)  # fmt: skip
def test_messages_as_events_of_a_span(said, system, prompt):
    decoded = both_ways(span(*said, bare=True), TracesData)
    [event] = decoded.events
    assert (event.system_prompt, event.prompt) == (system, prompt)


@pytest.mark.parametrize("name", ["log.event.name", "scope.name", "span.events.messages"])
def test_no_attribute_of_an_application_stands_in_for_what_otlp_says(name):
    [event] = decode(json.dumps(span((USER, ASKED), **{name: "x"})).encode()).events
    assert event.prompt == "Name a river."
