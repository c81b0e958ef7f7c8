"""Cloudflare AI Gateway's log object, as its REST API gives it.

Source: the API reference, "List Gateway Logs". Cloudflare's traps: who called is only in the
``metadata`` that the caller sends (``cf-aig-metadata``, at most five entries), which is JSON text
here; there is no address and no client. The Logpush data set has the metadata, the bodies and with
them all tokens encrypted: it cannot be used. The gateway's OpenTelemetry export is the other way.
"""

from __future__ import annotations

from typing import Final

from stream.intake.codec import convert
from stream.intake.codec.format_table import Format

CLOUDFLARE: Final = Format(
    name="cloudflare",
    discriminators=("tokens_in", "request_content_type"),
    keys=("id", "created_at", "provider", "model_type", "success", "cached"),
    fields={
        "timestamp": ("created_at",),
        "model": ("model",),
        "request_id": ("id",),
        "operation": ("path",),
        "input_tokens": ("tokens_in",),
        "output_tokens": ("tokens_out",),
        "status": ("status_code", ("success", convert.success)),
        "duration_s": (("duration", convert.seconds("ms")),),
        "request": ("request_head", "request_body"),
        "response": ("response_head", "response_body"),
    },
    account="user",
    accounts={
        "key": ("metadata.key_id", "metadata.api_key_id"),
        "user": ("metadata.user_id", "metadata.user", "metadata.userId", "metadata.account_id"),
        "team": ("metadata.team_id", "metadata.team"),
        "organization": ("metadata.organization_id", "metadata.org", "metadata.tenant"),
    },
)
