"""Apache APISIX with ai-proxy, as its kafka-logger and http-logger write it by default.

Source: apisix/plugins/ai-proxy/base.lua, ai-protocols/ and utils/log-util.lua. APISIX's traps: the
summary is there only with ``logging.summaries`` and texts only with ``logging.payloads``; its
numbers may be text; its ``duration`` is the time to the first token; a record is an array of up to
1,000 entries; their Kafka timestamp is -1; the authorization header is not redacted. For calls in
Anthropic's and Bedrock's protocols, which APISIX knows by the end of the path as here,
``prompt_tokens`` lacks what was read from and written to the cache.
"""

from __future__ import annotations

from typing import Final

from stream.intake.codec import convert
from stream.intake.codec.event import MAX_COUNT
from stream.intake.codec.format_table import CREDENTIALS, Format

#: Ends of a path whose protocol counts cached tokens beside the input.
_BESIDE: Final = ("/v1/messages", "/converse", "/converse-stream")


def _input(prompt: object, uri: object, read: object, written: object) -> int | None:
    """Return the tokens of the input, with the cached ones in it."""
    tokens: int | None = convert.tokens(prompt)
    path = uri.partition("?")[0] if isinstance(uri, str) else ""
    if tokens is None or not path.endswith(_BESIDE):
        return tokens
    return min(tokens + (convert.count(read) or 0) + (convert.count(written) or 0), MAX_COUNT)


APISIX: Final = Format(
    name="apisix",
    discriminators=("llm_summary", "apisix_latency", "llm_request"),
    keys=("route_id", "service_id", "server", "upstream", "upstream_latency", "latency"),
    calls=("llm_summary", "llm_request"),
    fields={
        "timestamp": (("start_time", convert.epoch("ms")),),
        "model": ("llm_summary.request_model", "llm_summary.model"),
        "client_ip": ("client_ip",),
        "user_agent": ("request.headers.user-agent",),
        "operation": ("request.uri",),
        "status": ("response.status",),
        "duration_s": (("latency", convert.seconds("ms")),),
        "stream": ("llm_summary.stream", "llm_request.stream"),
        "request": ("llm_request", "request.body"),
        "response": ("llm_response_text.content", "response.body"),
        "input_tokens": (
            (
                (
                    "llm_summary.prompt_tokens",
                    "request.uri",
                    "llm_summary.cache_read_input_tokens",
                    "llm_summary.cache_creation_input_tokens",
                ),
                _input,
            ),
        ),
        "usage": ("llm_summary",),
    },
    account="user",
    accounts={
        "user": ("consumer.username",),
        "end_user": ("llm_summary.end_user_id",),
    },
    credentials=tuple(f"request.headers.{name}" for name in CREDENTIALS),
)
