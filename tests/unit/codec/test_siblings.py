"""A sibling of a format is read right or refused with its name, never read as another."""

from __future__ import annotations

import json

import pytest

from stream.intake.codec.siblings import CALLBACK, LANGFUSE, LOGPUSH
from stream.metrics import Metrics
from testlib.traffic.gateway_samples import counts, decode, events, of

#: A row of LiteLLM_SpendLogs, as SQL gives it.
ROW = {
    "request_id": "chatcmpl-7",
    "call_type": "acompletion",
    "api_key": "88dc28d0",
    "spend": 0.0003,
    "total_tokens": 37,
    "prompt_tokens": 25,
    "completion_tokens": 12,
    "startTime": "2025-10-09T08:53:20.500Z",
    "endTime": "2025-10-09T08:53:21.900Z",
    "model": "gpt-4o-mini",
    "model_group": "gpt-4o-mini",
    "custom_llm_provider": "openai",
    "user": "user-7",
    "metadata": {"user_api_key": "88dc28d0", "user_api_key_alias": "ci", "status": "success"},
    "cache_hit": "False",
    "team_id": "team-1",
    "organization_id": None,
    "end_user": "",
    "requester_ip_address": "203.0.113.7",
    "messages": {},
    "response": {},
    "proxy_server_request": {},
    "status": "success",
}
BODY = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Name a river."}]}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"metadata": json.dumps(ROW["metadata"])},
        {"metadata": {}, "messages": "{}", "response": "{}"},
        {"startTime": "2025-10-09 08:53:20.5"},
        {"startTime": "2025-10-09T08:53:20.5+00:00", "user": None, "team_id": None},
        {"proxy_server_request": BODY},
        {"proxy_server_request": json.dumps(BODY), "messages": None},
        {"messages": BODY["messages"]},
        {"messages": json.dumps(BODY["messages"])},
        {"session_id": "s", "mcp_namespaced_tool_name": None, "agent_id": None},
        {"prompt_tokens": "25", "completion_tokens": "12"},
    ],
    ids=lambda change: ",".join(change) or "as it is",
)
def test_rows_of_litellms_spend_logs_are_read(change):
    [event] = events(ROW | change)
    assert (event["account_id"], event["api_key_id"]) == ("88dc28d0", "88dc28d0")
    assert (event["request_id"], event["timestamp"]) == ("chatcmpl-7", 1_760_000_000.5)
    assert (event["input_tokens"], event["output_tokens"], event["status"]) == (25, 12, 200)
    has_text = "river" in json.dumps(change)
    assert event.get("prompt") == ("Name a river." if has_text else None)
    assert event.get("organization_id") == (change | {"team_id": "team-1"} | change)["team_id"]


def test_rows_that_are_no_calls_pass_by():
    other = [
        ROW | {"call_type": "aretrieve_batch"},
        ROW | {"api_key": "litellm-internal-health-check"},
    ]
    assert events(*other) == []


OBSERVATION = {
    "id": "o",
    "traceId": "t",
    "type": "GENERATION",
    "startTime": "2025-10-09T08:53:20.500Z",
    "model": "gpt-4o",
    "usageDetails": {"input": 25, "output": 12},
    "metadata": {"user_api_key_hash": "88dc28d0"},
}


@pytest.mark.parametrize(
    ("row", "name"),
    [
        (OBSERVATION, LANGFUSE),
        (OBSERVATION | {"parentObservationId": "p"}, LANGFUSE),
        (OBSERVATION | {"metadata": {}, "end_user": "u"}, LANGFUSE),
        ({"traceId": "t", "parentObservationId": "p", "createdAt": "2025"}, LANGFUSE),
        ({"id": "r", "run_type": "llm", "dotted_order": "x", "inputs": {}}, "LangSmith"),
        ({"schemaType": "ModelInvocationLog", "modelId": "m", "requestId": "r"}, "Bedrock's log"),
        ({"Datetime": 1, "Gateway": "g", "RequestBody": {}}, LOGPUSH),
        ({"date": "2025-10-09", "api_requests": 5, "spend": 1}, "LiteLLM's daily spend"),
        ({"litellm_params": {}, "litellm_call_id": "c", "model": "m"}, CALLBACK),
        ({"start_time": 1, "end_time": 2, "results": []}, "usage report"),
        ({"custom_id": "1", "response": {"status_code": 200}}, "results of a batch"),
        ({"custom_id": "1", "method": "POST", "body": {}}, "requests of a batch"),
        ({"messages": [{"role": "user", "content": "x"}]}, "training set"),
    ],
)
def test_others_are_refused_with_their_name(row, name):
    metrics = Metrics()
    decoded = decode(json.dumps(row).encode(), metrics=metrics)
    [reject] = decoded.rejects
    assert decoded.events == []
    assert reject.reason == "unknown_format"
    assert name in reject.detail


@pytest.mark.parametrize("extra", [{"traceId": "x"}, {"projectId": "p"}, {"run_type": "llm"}])
def test_what_a_client_sends_makes_its_payload_no_sibling(extra):
    payload = of("litellm")[0]
    metadata = payload["metadata"] | {"requester_metadata": extra}
    body = {"metadata": metadata, "model_parameters": extra, "response": extra}
    assert len(events(payload | body)) == 1


def test_siblings_are_counted_as_rejected():
    metrics = Metrics()
    decode(json.dumps(OBSERVATION).encode(), metrics=metrics)
    assert counts(metrics) == {("litellm", "rejected"): 1}
