"""Input tokens have the cached ones in them, however the protocol counts, whatever the sizes."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.intake.codec.usage import usage
from testlib.traffic.gateway_samples import events, of

COUNTS = st.integers(0, 10**6)
READ, CREATED = "gen_ai.usage.cache_read_input_tokens", "gen_ai.usage.cache_creation_input_tokens"
WRITTEN = "gen_ai.usage.cache_write_input_tokens"


@given(COUNTS, COUNTS, COUNTS)
def test_usage_of_each_protocol(new, read, written):
    whole = new + read + written
    openai = {"prompt_tokens": whole, "prompt_tokens_details": {"cached_tokens": read}}
    responses = {"input_tokens": whole, "input_tokens_details": {"cached_tokens": read}}
    anthropic = {
        "input_tokens": new,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
    }
    bedrock = {
        "inputTokens": new,
        "cacheReadInputTokens": read,
        "cacheWriteInputTokens": written,
    }
    gemini = {"promptTokenCount": whole, "cachedContentTokenCount": read}
    for block in (openai, responses, anthropic, bedrock, gemini):
        found = usage(block)
        assert (found["input_tokens"], found["cached_tokens"]) == (whole, read)


def test_gemini_counts_thoughts_beside_the_answer():
    found = usage({"promptTokenCount": 5, "candidatesTokenCount": 7, "thoughtsTokenCount": 30})
    assert (found["output_tokens"], found["reasoning_tokens"]) == (37, 30)


def span(attributes, scope="x"):
    export = copy.deepcopy(of("otlp")[0])
    [of_scope] = export["resourceSpans"][0]["scopeSpans"]
    of_scope["scope"] = {"name": scope}
    of_scope["spans"] = of_scope["spans"][:1]
    one = of_scope["spans"][0]
    kept = [a for a in one["attributes"] if ".usage." not in a["key"]]
    one["attributes"] = kept + [
        {"key": name, "value": {"intValue": str(value)}} for name, value in attributes.items()
    ]
    [event] = events(export)
    return event.get("input_tokens"), event.get("cached_tokens"), event.get("output_tokens")


@given(COUNTS, COUNTS, COUNTS)
def test_spans_that_pass_on_what_anthropic_and_bedrock_answer(new, read, written):
    whole = new + read + written
    for name in ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"):
        for cached in (CREATED, WRITTEN):
            assert span({name: new, READ: read, cached: written})[:2] == (whole, read)


@given(COUNTS, COUNTS, COUNTS)
def test_spans_by_the_conventions_have_all_in_the_input(new, read, written):
    whole = new + read + written
    conventions = {
        "gen_ai.usage.input_tokens": whole,
        "gen_ai.usage.cache_read.input_tokens": read,
        "gen_ai.usage.cache_creation.input_tokens": written,
    }
    assert span(conventions)[:2] == (whole, read)
    # OpenAI's answers have no count of what was written.
    assert span({"gen_ai.usage.input_tokens": whole, READ: read})[:2] == (whole, read)
    summed_up = {"gen_ai.usage.input_tokens": whole, READ: read, CREATED: written}
    assert span(summed_up, "opentelemetry.instrumentation.anthropic")[:2] == (whole, read)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_token_names_of_other_instrumentations(new, read, written, answered):
    whole = new + read + written
    agent = {
        "input_tokens": new,
        "output_tokens": answered,
        "cache_read_tokens": read,
        "cache_creation_tokens": written,
    }
    assert span(agent) == (whole, read, answered)
    java = {
        "gen_ai.response.prompt_tokens": whole,
        "gen_ai.response.completion_tokens": answered,
    }
    assert span(java) == (whole, None, answered)


@pytest.mark.parametrize(
    ("uri", "beside"),
    [
        ("/v1/messages", True),
        ("/anthropic/v1/messages", True),
        ("/v1/messages?beta=true", True),
        ("/model/claude/converse", True),
        ("/model/claude/converse-stream", True),
        ("/v1/chat/completions", False),
        ("/openai/v1/responses", False),
        ("/v1/messages/count", False),
        ("/messages", False),
        (None, False),
    ],
)
@pytest.mark.parametrize(("prompt", "read", "written"), [(500, 300, 0), (3, 900, 20), (9, 0, 0)])
def test_apisix_counts_as_the_protocol_of_the_path(uri, beside, prompt, read, written):
    record = of("apisix")[0]
    summary = record["llm_summary"] | {
        "prompt_tokens": prompt,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
    }
    [event] = events(record | {"llm_summary": summary, "request": record["request"] | {"uri": uri}})
    assert event["input_tokens"] == prompt + (read + written if beside else 0)
    assert event["cached_tokens"] == read


@pytest.mark.parametrize(("prompt", "cached"), [(10, 900), (900, 10), (0, 5)])
def test_no_size_changes_what_litellm_counts(prompt, cached):
    payload = of("litellm")[0]
    block = {"prompt_tokens_details": {"cached_tokens": cached}}
    metadata = payload["metadata"] | {"usage_object": block}
    [event] = events(payload | {"prompt_tokens": prompt, "metadata": metadata})
    assert (event["input_tokens"], event["cached_tokens"]) == (prompt, cached)
