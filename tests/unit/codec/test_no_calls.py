"""What a gateway logs besides calls of a model passes by: told by the list of calls alone."""

from __future__ import annotations

import copy
import json

import pytest

from stream.intake.codec.gateways.litellm import CALLS
from stream.metrics import Metrics
from testlib.traffic.gateway_samples import counts, decode, events, of

SPAN = of("otlp")[0]

#: Of litellm's CallTypes, and one that is not among them yet.
OTHERS = [
    *("list_mcp_tools", "call_mcp_tool", "aretrieve_batch", "retrieve_batch", "acreate_batch"),
    *(
        "acancel_batch",
        "alist_batches",
        "afile_content",
        "acreate_file",
        "afile_delete",
        "alist_files",
    ),
    *(
        "avector_store_search",
        "asearch",
        "alist_input_items",
        "aget_responses",
        "adelete_responses",
    ),
    *("acreate_fine_tuning_job", "acreate_container", "get_assistants", "a2a_send_message_2031"),
]


def span(name, value):
    """Return an export with one span, with another value for an attribute."""
    export = copy.deepcopy(SPAN)
    [scope] = export["resourceSpans"][0]["scopeSpans"]
    scope["spans"] = scope["spans"][:1]
    kept = [one for one in scope["spans"][0]["attributes"] if one["key"] != name]
    scope["spans"][0]["attributes"] = [*kept, {"key": name, "value": {"stringValue": value}}]
    return export


def passes_by(row, format_):
    metrics = Metrics()
    decoded = decode(json.dumps(row).encode(), metrics=metrics)
    assert (decoded.events, decoded.rejects, decoded.ignored) == ([], [], 1)
    assert counts(metrics) == {(format_, "ignored"): 1}
    assert decoded.skipped_s > 1.7e9  # its time moves the clock


@pytest.mark.parametrize("call_type", OTHERS)
def test_litellms_other_types_of_calls(call_type):
    passes_by(of("litellm")[0] | {"call_type": call_type}, "litellm")


@pytest.mark.parametrize("call_type", [*sorted(CALLS), None, "", "Completion"])
def test_litellms_calls_of_models(call_type):
    assert len(events(of("litellm")[0] | {"call_type": call_type})) == 1


@pytest.mark.parametrize("name", ["litellm-internal-health-check", "litellm_internal_jobs"])
def test_litellm_checks_its_models_itself(name):
    payload = of("litellm")[0]
    passes_by(payload | {"metadata": payload["metadata"] | {"user_api_key_hash": name}}, "litellm")


def test_no_client_keeps_itself_out_by_a_tag():
    tags = {"request_tags": ["litellm-internal-health-check"], "end_user": "litellm_internal_jobs"}
    assert len(events(of("litellm")[0] | tags)) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("gen_ai.operation.name", value)
            for value in (
                *("retrieval", "create_agent", "invoke_agent", "execute_tool", "invoke_workflow"),
                *("search", "rerank_documents", "plan", "memory", "Execute_Tool"),
            )
        ),
        *(
            ("openinference.span.kind", value)
            for value in ("CHAIN", "AGENT", "TOOL", "RETRIEVER", "RERANKER", "GUARDRAIL", "PROMPT")
        ),
        *(("traceloop.span.kind", value) for value in ("workflow", "task", "agent", "tool")),
        ("llm.request.type", "vector_search"),
    ],
)
def test_spans_of_other_kinds(name, value):
    passes_by(span(name, value), "otlp")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("gen_ai.operation.name", value)
            for value in ("chat", "Chat", "chat.completions", "text_completion", "embeddings", "")
        ),
        *(("openinference.span.kind", value) for value in ("LLM", "EMBEDDING", "llm")),
        *(("llm.request.type", value) for value in ("chat", "completion", "unknown")),
    ],
)
def test_spans_of_calls(name, value):
    assert len(events(span(name, value))) == 1


def test_what_passes_by_between_calls_takes_none_of_them_along():
    payload = of("litellm")[0]
    other = payload | {"call_type": "list_mcp_tools"}
    assert len(events(payload, other, [payload, other, payload])) == 3


@pytest.mark.parametrize("value", [5, None, ["chat"], {"a": 1}, True])
def test_a_type_that_is_no_text_says_nothing(value):
    assert len(events(of("litellm")[0] | {"call_type": value})) == 1
