"""Apache APISIX with ai-proxy, as its kafka-logger and http-logger write it by default.

Source: apisix/plugins/ai-proxy/base.lua, ai-protocols/ and utils/log-util.lua. APISIX's traps: the
summary is there only with ``logging.summaries`` and texts only with ``logging.payloads``; its
numbers may be text; its ``duration`` is the time to the first token; a record is an array of up to
1,000 entries; their Kafka timestamp is -1; the authorization header is not redacted. For calls in
Anthropic's protocol ``prompt_tokens`` lacks what was read from and written to the cache.
"""

from __future__ import annotations

from typing import Any, Final

from stream.codec import convert
from stream.codec.table import CREDENTIALS, Format
from stream.codec.usage import beside, usage


def _summary(block: object) -> dict[str, Any]:
    if not isinstance(block, dict):
        return {}
    counts, written = usage(block), convert.count(block.get("cache_creation_input_tokens"))
    return beside(counts, written) if written else counts


APISIX: Final = Format(
    name="apisix",
    marks=("llm_summary", "apisix_latency", "llm_request"),
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
        "usage": (("llm_summary", _summary),),
    },
    account="user",
    accounts={
        "user": ("consumer.username",),
        "end_user": ("llm_summary.end_user_id",),
    },
    credentials=tuple(f"request.headers.{name}" for name in CREDENTIALS),
)
