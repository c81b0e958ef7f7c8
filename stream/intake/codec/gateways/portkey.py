"""Portkey's log export: lines, or rows of a table, with the documented columns.

Source: product/observability/logs-export.mdx of Portkey-AI/docs-core. A column may be written flat
(``request.body``) or nested, bodies may be JSON text, metadata two lists of names and values.
A record has no address and no client, and options are only in the request's body.
"""

from __future__ import annotations

from typing import Final

from stream.intake.codec import convert
from stream.intake.codec.format_table import Format


def _user(names: object, values: object) -> str | None:
    """Return the user of metadata that are written as two lists, of names and of values."""
    if isinstance(names, list) and isinstance(values, list):
        return convert.identity(dict(zip(map(str, names), values, strict=False)).get("_user"))
    return None


PORTKEY: Final = Format(
    name="portkey",
    discriminators=("ai_model", "req_units"),
    keys=("created_at", "is_success", "cost", "id", "trace_id"),
    fields={
        "timestamp": ("created_at",),
        "model": ("ai_model",),
        "request_id": ("id", "trace_id"),
        "operation": ("request_url",),
        "input_tokens": ("req_units",),
        "output_tokens": ("res_units",),
        "status": ("response_status_code", ("is_success", convert.success)),
        "duration_s": (("response_time", convert.seconds("ms")),),
        "stream": ("stream_mode",),
        "request": ("/request.body", "request.body", "request"),
        "response": ("/response.body", "response.body", "response"),
        "usage": ("/response.body/usage", "response.body.usage", "response.usage"),
    },
    account="user",
    accounts={
        "key": ("virtual_key",),
        "user": (
            "metadata._user",
            "/metadata._user",
            (("/metadata.key", "/metadata.value"), _user),
        ),
    },
)
