"""OpenTelemetry's GenAI spans, of any instrumentation or gateway: attributes by name.

Source: the semantic conventions (1.27 to 1.42, the names deprecated since included), Traceloop's
OpenLLMetry, OpenInference (Envoy AI Gateway's spans), LiteLLM's and Cloudflare's exports. Their
traps: no convention names an account, an address or logprobs, so the site adds attributes of its
own, and ``intake.account`` can name any (``/tenant.id``); spans of agents, tools and retrieval are
around calls or beside them; the input has the cached tokens in it by the conventions, but not where
an instrumentation passes on what Anthropic and Bedrock answer, as its names for them show.
:mod:`stream.intake.codec.otlp` gives a span's own times and status the names of OTLP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stream.intake.codec import body, convert
from stream.intake.codec.event import MAX_COUNT
from stream.intake.codec.format_table import Constant, Format

if TYPE_CHECKING:
    from stream.intake.codec.convert import Convert

#: Attributes that a list of messages is spread over: ``PREFIX.NUMBER.role`` and ``.content``.
NUMBERED: Final = ("gen_ai.prompt", "llm.input_messages")
#: Event of a span with one message -> the role of its author.
MESSAGE_EVENTS: Final = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
#: Where such an event has the message: text, parts, or JSON of it.
MESSAGE_ATTRIBUTES: Final = ("content", "gen_ai.event.content", "message")
#: The instrumentation that made a span.
SCOPE: Final = "scope.name"
#: Name under which the messages of such events are collected.
COLLECTED: Final = "span.events.messages"
#: The name of the event that a log record is.
LOG_EVENT: Final = "log.event.name"
#: Log records that describe a whole call; others describe a part of one.
CALL_LOGS: Final = frozenset(
    {"gen_ai.client.inference.operation.details", "gen_ai.client.operation.details"}
)
#: Attribute -> its values for a call of a model, in lower case.
_CALLS: Final = {
    "gen_ai.operation.name": frozenset(
        {
            *("chat", "text_completion", "generate_content", "embeddings", "completion"),
            *("chat.completions", "text.completions", "text_completions", "completions"),
            *("embedding", "responses", "messages", "message", "converse", "image_generation"),
            *("transcription", "speech", "chat_completion", "chat.completion", "stream_chat"),
            *("streaming_chat", "inference", "llm", "generate", "generate_text"),
        }
    ),
    "llm.request.type": frozenset(
        {"chat", "completion", "embedding", "unknown", "rerank", "text_completion"}
    ),
    "openinference.span.kind": frozenset({"llm", "embedding"}),
    "traceloop.span.kind": frozenset({"unknown", "llm"}),
    LOG_EVENT: CALL_LOGS,
}
_READ: Final = "gen_ai.usage.cache_read_input_tokens"
#: How Anthropic's and Bedrock's answers name what was written to the cache. OpenAI has no such
#: count, and the conventions another name for it.
_WRITTEN: Final = (
    "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.cache_write_input_tokens",
)
#: Instrumentations that use these names but put all into the input first.
_SUMMED_UP: Final = frozenset({"opentelemetry.instrumentation.anthropic"})
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


def _input(given: object, read: object, *written_and_scope: object) -> int | None:
    """Return the tokens of the input, with those in it that a cache has read or written."""
    *written, scope = written_and_scope
    tokens: int | None = convert.tokens(given)
    if tokens is None or all(value is None for value in written) or scope in _SUMMED_UP:
        return tokens
    beside = sum(convert.count(value) or 0 for value in (read, *written))
    return min(tokens + beside, MAX_COUNT)


def _whole_input(name: str) -> tuple[tuple[str, ...], Convert]:
    return (name, _READ, *_WRITTEN, SCOPE), _input


GENAI: Final = Format(
    name="otlp",
    discriminators=("startTimeUnixNano",),
    calls=("gen_ai.request.model", "gen_ai.response.model", "llm.model_name"),
    kinds=_CALLS,
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
            _whole_input("gen_ai.usage.input_tokens"),
            _whole_input("gen_ai.usage.prompt_tokens"),
            "llm.token_count.prompt",
            "gen_ai.response.prompt_tokens",  # Semantic Kernel for Java
        ),
        "uncached_input_tokens": ("input_tokens",),  # Claude's agents
        "cache_write_tokens": ("cache_creation_tokens",),
        "output_tokens": (
            "gen_ai.usage.output_tokens",
            "gen_ai.usage.completion_tokens",
            "llm.token_count.completion",
            "gen_ai.response.completion_tokens",
            "output_tokens",
        ),
        "cached_tokens": (
            "gen_ai.usage.cache_read.input_tokens",
            _READ,
            "llm.token_count.prompt_details.cache_read",
            "cache_read_tokens",
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
            COLLECTED,
        ),
        "options": ("llm.invocation_parameters",),
        "response": ("gen_ai.output.messages", "gen_ai.completion", "llm.output_messages"),
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
