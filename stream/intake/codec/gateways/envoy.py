"""Envoy AI Gateway's JSON access log, as it is documented.

Source: site/docs/capabilities/observability/accesslogs.md of envoyproxy/ai-gateway, which named the
fields ``genai_*`` before it named them ``gen_ai.*``. Its traps: all keys are the site's own
choice, so other ones need a mapping; tokens are there only where ``llmRequestCosts`` lists them;
no account is known unless a header is mapped (``tenant.id``, ``user.id``, or ``intake.account``);
the same log has plain HTTP and MCP, with null for the model.
"""

from __future__ import annotations

from typing import Final

from stream.intake.codec import convert
from stream.intake.codec.format_table import Format

_MODEL: Final = ("/gen_ai.request.model", "genai_model_name")

ENVOY: Final = Format(
    name="envoy",
    discriminators=("response_flags", "gen_ai.request.model", "genai_model_name"),
    keys=(":authority", "bytes_received", "bytes_sent", "connection_termination_details", "method"),
    calls=(*_MODEL, "/gen_ai.usage.input_tokens", "genai_tokens_input"),
    fields={
        "timestamp": ("start_time",),
        "model": _MODEL,
        "request_id": ("x-request-id",),
        "client_ip": ("x-forwarded-for", "downstream_remote_address"),
        "user_agent": ("user-agent",),
        "operation": ("/gen_ai.operation.name", "x-envoy-origin-path"),
        "input_tokens": ("/gen_ai.usage.input_tokens", "genai_tokens_input"),
        "output_tokens": ("/gen_ai.usage.output_tokens", "genai_tokens_output"),
        "cached_tokens": (
            "/gen_ai.usage.cache_read.input_tokens",
            "/gen_ai.usage.cached_input_tokens",
            "genai_tokens_cached_input",
        ),
        "reasoning_tokens": (
            "/gen_ai.usage.reasoning.output_tokens",
            "/gen_ai.usage.reasoning_tokens",
        ),
        "status": ("response_code",),
        "duration_s": (("duration", convert.seconds("ms")),),
    },
    account="user",
    accounts={
        "key": ("/api_key.id", "x-api-key-id"),
        "user": ("/user.id", "/enduser.id", "x-user-id"),
        "team": ("/team.id", "x-team-id"),
        "organization": ("/tenant.id", "x-tenant-id", "/organization.id"),
    },
    credentials=("authorization", "x-api-key"),
)
