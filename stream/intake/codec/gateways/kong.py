"""Kong's AI Proxy, as its logging plugins write it (kafka-log, http-log, file-log).

Source: kong/pdk/log.lua, the AI plugins' serializer and the documented audit log. Kong's traps: the
``ai`` block is there only with ``logging.log_statistics`` and texts only with
``logging.log_payloads``; it is under ``ai.proxy`` since 3.10, before that under the plugin's name,
and old versions wrote ``prompt_token``; the documentation puts the request's payload under
``ai.payload``; payloads are JSON text; Kong redacts the authorization header and no other.
"""

from __future__ import annotations

from typing import Final

from stream.intake.codec import convert
from stream.intake.codec.format_table import CREDENTIALS, Format

_PLUGINS: Final = ("ai.proxy", "ai.ai-proxy", "ai.ai-proxy-advanced")


def _each(*below: str) -> tuple[str, ...]:
    return tuple(f"{plugin}.{path}" for path in below for plugin in _PLUGINS)


def _streamed(value: object) -> bool:
    return value == "stream"


KONG: Final = Format(
    name="kong",
    discriminators=("started_at",),
    keys=(
        "latencies",
        "response",
        "tries",
        "upstream_uri",
        "upstream_status",
        "workspace",
        "source",
    ),
    calls=_each("meta.request_model", "meta.response_model"),
    fields={
        "timestamp": (("started_at", convert.epoch("ms")),),
        "model": _each("meta.request_model", "meta.response_model"),
        "request_id": ("request.id",),
        "client_ip": ("client_ip",),
        "user_agent": ("request.headers.user-agent",),
        "operation": ("request.uri",),
        "input_tokens": _each("usage.prompt_tokens", "usage.prompt_token"),
        "output_tokens": _each("usage.completion_tokens", "usage.completion_token"),
        "status": ("response.status",),
        "duration_s": (("latencies.request", convert.seconds("ms")),),
        "stream": tuple((path, _streamed) for path in _each("meta.request_mode")),
        "request": (*_each("payload.request"), "ai.payload.request"),
        "response": (*_each("payload.response"), "ai.payload.response"),
        "usage": _each("usage"),
    },
    account="user",
    accounts={
        "key": ("authenticated_entity.id",),
        "user": ("consumer.custom_id", "consumer.username", "consumer.id"),
    },
    credentials=tuple(f"request.headers.{name}" for name in CREDENTIALS),
)
