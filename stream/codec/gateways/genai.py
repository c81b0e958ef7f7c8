"""OpenTelemetry's GenAI spans, of any instrumentation or gateway: attributes by name.

Source: the semantic conventions (1.27 to 1.42, the names deprecated since included), Traceloop's
OpenLLMetry, OpenInference (Envoy AI Gateway's spans), LiteLLM's and Cloudflare's exports. Their
traps: no convention names an account, an address or logprobs, so the site adds attributes of its
own, and ``intake.account`` can name any (``/tenant.id``); spans of agents and tools sum up the
calls below them. :mod:`stream.codec.otlp` gives a span's own times and status the names of OTLP.
"""

from __future__ import annotations

from typing import Any, Final

from stream.codec import body, convert
from stream.codec.table import Constant, Format

#: Attributes that a list of messages is spread over: ``PREFIX.NUMBER.role`` and ``.content``.
NUMBERED: Final = ("gen_ai.prompt", "llm.input_messages")
#: Attribute -> values for spans that are no calls of a model but contain some.
AROUND_CALLS: Final = {
    "gen_ai.operation.name": frozenset(
        {"create_agent", "invoke_agent", "execute_tool", "invoke_workflow"}
    ),
    "openinference.span.kind": frozenset(
        {"CHAIN", "AGENT", "TOOL", "RETRIEVER", "RERANKER", "GUARDRAIL", "EVALUATOR"}
    ),
    "traceloop.span.kind": frozenset({"workflow", "task", "agent", "tool"}),
}
_KINDS: Final = {"LLM": "chat", "EMBEDDING": "embeddings"}
_SPAN_FAILED: Final = ("2", "STATUS_CODE_ERROR")


def _kind(value: object) -> str | None:
    return _KINDS.get(value) if isinstance(value, str) else None


def _error(value: object) -> int:
    return convert.status(value) or convert.FAILED


def _span_status(value: object) -> int | None:
    return convert.FAILED if str(value) in _SPAN_FAILED else None


def _instructions(value: object) -> str | None:
    """Return the text of system instructions: parts, as an attribute or as its JSON text."""
    parts: dict[str, Any] = body.written([{"role": "system", "content": body.unfolded(value)}])
    text: str | None = parts["system_prompt"]
    return text


GENAI: Final = Format(
    name="otlp",
    marks=("startTimeUnixNano",),
    calls=("gen_ai.request.model", "gen_ai.response.model", "llm.model_name"),
    fields={
        "timestamp": (("startTimeUnixNano", convert.epoch("ns")),),
        "model": ("gen_ai.request.model", "gen_ai.response.model", "llm.model_name"),
        "request_id": ("gen_ai.response.id", "spanId"),
        "client_ip": ("client.address", "http.client_ip"),
        "country": ("geo.country.iso_code", "client.geo.country.iso_code"),
        "user_agent": ("user_agent.original", "http.user_agent"),
        "operation": (
            "gen_ai.operation.name",
            "llm.request.type",
            ("openinference.span.kind", _kind),
        ),
        "input_tokens": (
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.prompt_tokens",
            "llm.token_count.prompt",
        ),
        "output_tokens": (
            "gen_ai.usage.output_tokens",
            "gen_ai.usage.completion_tokens",
            "llm.token_count.completion",
        ),
        "cached_tokens": (
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.cache_read_input_tokens",
            "llm.token_count.prompt_details.cache_read",
        ),
        "reasoning_tokens": (
            "gen_ai.usage.reasoning.output_tokens",
            "gen_ai.usage.reasoning_tokens",
            "llm.token_count.completion_details.reasoning",
        ),
        "status": (
            "http.response.status_code",
            "http.status_code",
            ("error.type", _error),
            "status.message",
            ("status.code", _span_status),
            Constant(convert.OK),
        ),
        "duration_s": (("durationNano", convert.seconds("ns")),),
        "stream": ("gen_ai.request.stream", "llm.is_streaming"),
        "temperature": ("gen_ai.request.temperature",),
        "max_tokens": ("gen_ai.request.max_tokens",),
        "logprobs": ("gen_ai.request.logprobs", "llm.request.logprobs"),
        "system_prompt": (("gen_ai.system_instructions", _instructions),),
        "messages": (
            "gen_ai.input.messages",
            "gen_ai.prompt_json",
            "gen_ai.prompt",
            "llm.input_messages",
        ),
        "options": ("llm.invocation_parameters",),
        "request": ("input.value",),
    },
    account="user",
    accounts={
        "key": ("api_key.id", "metadata.user_api_key_hash"),
        "user": (
            "user.id",
            "user_id",
            "metadata.user_api_key_user_id",
            "traceloop.association.properties.user_id",
        ),
        "end_user": ("enduser.id", "enduser.pseudo.id", "llm.user"),
        "team": ("team.id", "team", "metadata.user_api_key_team_id"),
        "organization": ("tenant.id", "organization.id", "metadata.user_api_key_org_id"),
    },
    credentials=("http.request.header.authorization", "http.request.header.x-api-key"),
)
