"""Helicone: a row of its request table, as its API and exports give it, and its Kafka message.

Source: Helicone's own types (HandlerContext.ts, packages/cost/usage). Helicone's traps: a row
counts cached tokens and reasoning beside prompt and completion tokens, not in them; after a cache
hit all are 0; times are UTC without a time zone; the Kafka message has neither tokens nor texts
(they lie in S3), names the model only where it was set, and carries the caller's authorization.
"""

from __future__ import annotations

from typing import Final

from stream.intake.codec import convert
from stream.intake.codec.format_table import Format

HELICONE: Final = Format(
    name="helicone",
    discriminators=("request_created_at", "heliconeMeta"),
    keys=("request_id", "response_id", "response_created_at", "response_status", "log"),
    fields={
        "timestamp": ("request_created_at", "log.request.requestCreatedAt"),
        "model": (
            "model",
            "request_model",
            "response_model",
            "heliconeMeta.modelOverride",
            "heliconeMeta.gatewayModel",
        ),
        "request_id": ("request_id", "log.request.id"),
        "country": ("country_code", "log.request.countryCode"),
        "operation": ("request_path", "target_url", "log.request.targetUrl"),
        "uncached_input_tokens": ("prompt_tokens",),
        "visible_output_tokens": ("completion_tokens",),
        "cached_tokens": ("prompt_cache_read_tokens",),
        "cache_write_tokens": ("prompt_cache_write_tokens",),
        "reasoning_tokens": ("reasoning_tokens",),
        "status": ("response_status", "status", "log.response.status"),
        "duration_s": tuple(
            (path, convert.seconds("ms"))
            for path in ("delay_ms", "latency", "log.response.delayMs")
        ),
        "stream": ("log.request.isStream",),
        "request": ("request_body",),
        "response": ("response_body",),
    },
    account="user",
    accounts={
        "key": (
            "helicone_api_key_id",
            "helicone_proxy_key_id",
            "proxy_key_id",
            "log.request.heliconeApiKeyId",
            "log.request.heliconeProxyKeyId",
        ),
        "user": ("request_user_id", "user_id", "log.request.userId"),
    },
    credentials=("authorization",),
)
