"""LiteLLM's StandardLoggingPayload, as its generic API callback, S3 and Pub/Sub loggers write it.

A real payload is 12 kB, of which the few fields here are decoded. Source: the TypedDict in
litellm/types/utils.py and payloads of the real proxy (1.106). LiteLLM's traps: ``stream`` is null
when off; the HTTP status is a string in ``error_information``; cached tokens are in
``metadata.usage_object``; ``model`` has the provider in front, ``model_group`` is what was asked.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct, field

from stream.codec.event import RequestEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME: Final = "litellm"

_OK: Final = 200
_FAILED: Final = 500


class _TokenDetails(Struct):
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class _Usage(Struct):
    prompt_tokens_details: _TokenDetails | None = None
    completion_tokens_details: _TokenDetails | None = None
    cache_read_input_tokens: int | None = None


class _Metadata(Struct):
    user_api_key_hash: str | None = None
    user_api_key_team_id: str | None = None
    user_api_key_org_id: str | None = None
    user_api_key_user_id: str | None = None
    usage_object: _Usage | None = None
    requester_ip_address: str | None = None
    user_agent: str | None = None


class _Failure(Struct):
    error_code: str | int | None = None


class _Parameters(Struct):
    temperature: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    logprobs: bool | int | None = None


class Payload(Struct, gc=False):
    """The fields of a payload that are of use."""

    start: float = field(name="startTime")
    status: str
    model: str
    metadata: _Metadata
    call_type: str | None = None
    litellm_call_id: str | None = None
    id: str | None = None
    end: float | None = field(name="endTime", default=None)
    response_time: float | None = None
    model_group: str | None = None
    stream: bool | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    end_user: str | None = None
    requester_ip_address: str | None = None
    user_agent: str | None = None
    messages: msgspec.Raw | None = None
    model_parameters: _Parameters | None = None
    error_information: _Failure | None = None


class _Part(Struct):
    type: str | None = None
    text: str | None = None


class _Message(Struct):
    role: str | None = None
    content: str | list[_Part] | None = None


_payload = msgspec.json.Decoder(Payload).decode
_messages = msgspec.json.Decoder(list[_Message]).decode
_string = msgspec.json.Decoder(str).decode


def decode(value: bytes | msgspec.Raw) -> RequestEvent:
    """Return the event of one payload; raises msgspec's errors."""
    payload = _payload(value)
    metadata = payload.metadata
    usage = metadata.usage_object or _Usage()
    parameters = payload.model_parameters or _Parameters()
    system, prompt = _texts(payload.messages)
    event: dict[str, Any] = {
        "timestamp": payload.start,
        "account_id": _account(payload),
        "model": payload.model_group or payload.model,
        "request_id": payload.litellm_call_id or payload.id,
        "api_key_id": metadata.user_api_key_hash,
        "organization_id": metadata.user_api_key_org_id or metadata.user_api_key_team_id,
        "client_ip": payload.requester_ip_address or metadata.requester_ip_address,
        "user_agent": payload.user_agent or metadata.user_agent,
        "operation": payload.call_type,
        "input_tokens": payload.prompt_tokens,
        "output_tokens": payload.completion_tokens,
        "cached_tokens": _cached(usage),
        "reasoning_tokens": (usage.completion_tokens_details or _TokenDetails()).reasoning_tokens,
        "status": _status(payload),
        "duration_s": payload.response_time
        if payload.response_time is not None
        else (max(payload.end - payload.start, 0) if payload.end is not None else None),
        "stream": payload.stream,
        "temperature": parameters.temperature,
        "max_tokens": parameters.max_tokens or parameters.max_completion_tokens,
        "logprobs": bool(parameters.logprobs) if parameters.logprobs is not None else None,
        "system_prompt": system,
        "prompt": prompt,
    }
    # Once more through the canonical limits: lengths, ranges, control characters.
    return msgspec.convert(event, RequestEvent)


def _account(payload: Payload) -> str | None:
    """Return the key, else the user, team or end user: whatever identifies the caller best."""
    metadata = payload.metadata
    return (
        metadata.user_api_key_hash
        or metadata.user_api_key_user_id
        or metadata.user_api_key_team_id
        or payload.end_user
    )


def _cached(usage: _Usage) -> int | None:
    details = usage.prompt_tokens_details
    if details is not None and details.cached_tokens is not None:
        return details.cached_tokens
    return usage.cache_read_input_tokens


def _status(payload: Payload) -> int:
    if payload.status == "success":
        return _OK
    code = payload.error_information.error_code if payload.error_information else None
    with suppress(TypeError, ValueError):
        return int(code)  # type: ignore[arg-type]
    return _FAILED


def _texts(raw: msgspec.Raw | None) -> tuple[str | None, str | None]:
    """Return (system prompt, latest user message) of ``messages``, in any of its shapes."""
    if raw is None:
        return None, None
    with suppress(msgspec.MsgspecError):
        messages = _messages(raw)
        return _latest(messages, {"system", "developer"}), _latest(messages, {"user"})
    with suppress(msgspec.MsgspecError):
        return None, _string(raw)
    return None, None


def _latest(messages: Sequence[_Message], roles: set[str]) -> str | None:
    content = next((m.content for m in reversed(messages) if m.role in roles), None)
    if isinstance(content, list):
        return "\n".join(part.text for part in content if part.text) or None
    return content
