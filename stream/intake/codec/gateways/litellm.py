"""LiteLLM's StandardLoggingPayload, as its generic API callback, S3 and Pub/Sub loggers write it.

Rows of its table of spend logs, which name the caller elsewhere, are read as well. Source: the
TypedDict in litellm/types/utils.py, schema.prisma, and payloads of the real proxy (1.106).
LiteLLM's traps: ``stream`` is null when off; the HTTP status is a string in ``error_information``;
cached tokens are in ``metadata.usage_object``; ``model`` has the provider in front,
``model_group`` is the requested model. ``prompt_tokens`` has the cached ones in it, whatever the
provider. The same log has tools of MCP, polls of batches, files, and checks of the models' health,
whose caller is LiteLLM's own (tags have it too, but a client may write them).
"""

from __future__ import annotations

from typing import Final

from stream.intake.codec import body, convert
from stream.intake.codec.format_table import Constant, Format
from stream.intake.codec.siblings import LANGFUSE

_USAGE: Final = "metadata.usage_object"


def _succeeded(value: object) -> int | None:
    return convert.OK if value == "success" else None


def _failed(value: object) -> int | None:
    return convert.FAILED if value == "failure" else None


#: Of litellm's CallTypes those in which a model answers; each has a twin with `a` in front.
_SYNCHRONOUS: Final = (
    *("completion", "text_completion", "chat_completion", "responses", "compact_responses"),
    *("anthropic_messages", "generate_content", "generate_content_stream", "embedding"),
    *("image_generation", "image_edit", "image_variation", "transcription", "speech"),
    *("moderation", "rerank", "create_video", "video_generation", "ocr", "adapter_completion"),
    *("llm_passthrough_route", "create_interaction", "realtime"),
)
CALLS: Final = frozenset(
    {
        *_SYNCHRONOUS,
        *(f"a{name}" for name in _SYNCHRONOUS),
        *("_arealtime", "_aresponses_websocket", "pass_through_endpoint"),
    }
)
_ITSELF: Final = frozenset({"litellm-internal-health-check", "litellm_internal_jobs"})

LITELLM: Final = Format(
    name="litellm",
    discriminators=("startTime",),
    keys=("trace_id", "call_type", "spend", "completionStartTime"),
    kinds={"call_type": CALLS},
    own={"metadata.user_api_key_hash": _ITSELF, "api_key": _ITSELF},
    siblings={"traceId": LANGFUSE},
    repeated=("model_map_information",),
    fields={
        "timestamp": ("startTime",),
        "model": ("model_group", "model"),
        "request_id": (("id", convert.name), ("request_id", convert.name)),
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
        "messages": (("messages", body.written),),
        "request": ("proxy_server_request",),
        "response": ("response",),
    },
    account="key",
    accounts={
        "key": ("metadata.user_api_key_hash", "api_key", "metadata.user_api_key"),
        "user": ("metadata.user_api_key_user_id", "user"),
        "end_user": ("end_user", "metadata.user_api_key_end_user_id"),
        "team": ("metadata.user_api_key_team_id", "team_id"),
        "organization": ("metadata.user_api_key_org_id", "organization_id"),
    },
)
