"""LiteLLM's StandardLoggingPayload, as its generic API callback, S3 and Pub/Sub loggers write it.

Source: the TypedDict in litellm/types/utils.py and payloads of the real proxy (1.106). LiteLLM's
traps: ``stream`` is null when off; the HTTP status is a string in ``error_information``; cached
tokens are in ``metadata.usage_object``; ``model`` has the provider in front, ``model_group`` is
what was asked for. ``prompt_tokens`` has the cached ones in it, whatever the provider.
"""

from __future__ import annotations

from typing import Final

from stream.codec import body, convert
from stream.codec.table import Constant, Format

_USAGE: Final = "metadata.usage_object"


def _succeeded(value: object) -> int | None:
    return convert.OK if value == "success" else None


def _failed(value: object) -> int | None:
    return convert.FAILED if value == "failure" else None


LITELLM: Final = Format(
    name="litellm",
    marks=("startTime",),
    keys=("trace_id", "call_type"),
    fields={
        "timestamp": ("startTime",),
        "model": ("model_group", "model"),
        "request_id": (("id", convert.name),),
        "client_ip": ("requester_ip_address", "metadata.requester_ip_address"),
        "user_agent": ("user_agent", "metadata.user_agent"),
        "operation": ("call_type",),
        "input_tokens": ("prompt_tokens",),
        "output_tokens": ("completion_tokens",),
        "cached_tokens": (
            (f"{_USAGE}.prompt_tokens_details.cached_tokens", convert.count),
            (f"{_USAGE}.cache_read_input_tokens", convert.count),
        ),
        "reasoning_tokens": (
            (f"{_USAGE}.completion_tokens_details.reasoning_tokens", convert.count),
        ),
        "status": (
            ("status", _succeeded),
            "error_information.error_code",
            ("status", _failed),
        ),
        "duration_s": ("response_time",),
        "stream": ("stream", Constant(value=False)),
        "temperature": ("model_parameters.temperature",),
        "max_tokens": (
            "model_parameters.max_tokens",
            "model_parameters.max_completion_tokens",
            "model_parameters.max_output_tokens",
        ),
        "logprobs": ("model_parameters.logprobs",),
        "messages": (("messages", body.messages),),
    },
    account="key",
    accounts={
        "key": ("metadata.user_api_key_hash",),
        "user": ("metadata.user_api_key_user_id",),
        "end_user": ("end_user", "metadata.user_api_key_end_user_id"),
        "team": ("metadata.user_api_key_team_id",),
        "organization": ("metadata.user_api_key_org_id",),
    },
)
