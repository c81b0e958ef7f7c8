"""LiteLLM's StandardLoggingPayload, as its generic API callback, S3 and Pub/Sub loggers write it.

A real payload is 12 kB, of which the few fields here are decoded. Source: the TypedDict in
litellm/types/utils.py and payloads of the real proxy (1.106). LiteLLM's traps: ``stream`` is null
when off; the HTTP status is a string in ``error_information``; cached tokens are in
``metadata.usage_object``; ``model`` has the provider in front, ``model_group`` is what was asked.

What the client sent (``model_parameters``, ``messages``) and what providers answer (``usage``) may
have any shape: it is read where it makes sense and otherwise left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct, field

from stream.codec.event import MAX_COUNT, MAX_DURATION_S, Count, RequestEvent, Seconds
from stream.codec.messages import texts
from stream.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.codec.settings import LitellmAccount

_OK: Final = 200
_FAILED: Final = 500  # a failure that does not say which
_MAX_STATUS: Final = 999
_OPERATIONS: Final = {
    "acompletion": "chat",
    "completion": "chat",
    "aresponses": "chat",
    "responses": "chat",
    "anthropic_messages": "chat",
    "atext_completion": "chat",
    "text_completion": "chat",
    "aembedding": "embeddings",
    "embedding": "embeddings",
}
_NOTHING: Final[dict[str, Any]] = {}


class _Metadata(Struct):
    user_api_key_hash: str | None = None
    user_api_key_user_id: str | None = None
    user_api_key_team_id: str | None = None
    user_api_key_org_id: str | None = None
    usage_object: Any = None
    requester_ip_address: Any = None
    user_agent: Any = None


class _Payload(Struct, gc=False):
    started: Seconds = field(name="startTime")
    metadata: _Metadata | None
    status: str | None = None
    call_type: str | None = None
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    # As the client sent it, or as clocks and intermediaries have it: of any type.
    model: Any = None
    model_group: Any = None
    id: Any = None
    response_time: Any = None
    stream: Any = None
    end_user: Any = None
    requester_ip_address: Any = None
    user_agent: Any = None
    messages: Any = None
    model_parameters: Any = None
    error_information: Any = None


class Litellm:
    """Decodes payloads; ``account`` says which of LiteLLM's identities is the account."""

    name: Final = "litellm"
    #: Stands in every payload; no field of the canonical format.
    mark: Final = b'"startTime"'

    def __init__(self, account: LitellmAccount = "key") -> None:
        """Prefer ``account``; where a payload lacks it, the next identity stands in."""
        self._account = account
        self._one = msgspec.json.Decoder(_Payload).decode
        self._many = msgspec.json.Decoder(list[_Payload]).decode

    def one(self, value: bytes) -> RequestEvent:
        """Return the event of one payload; raises one of ``reasons.FAILURES``."""
        return self._event(self._one(value))

    def many(self, value: bytes) -> list[RequestEvent]:
        """Return the events of a JSON array; raises when any element is not an event."""
        return [self._event(payload) for payload in self._many(value)]

    def _event(self, payload: _Payload) -> RequestEvent:
        metadata = payload.metadata or _Metadata()
        usage = _mapping(metadata.usage_object)
        parameters = _mapping(payload.model_parameters)
        system, prompt = texts(payload.messages)
        return RequestEvent(
            timestamp=payload.started,
            account_id=self._identify(payload, metadata),
            model=_string(payload.model_group) or _string(payload.model) or "",
            request_id=_string(payload.id),
            api_key_id=metadata.user_api_key_hash,
            organization_id=metadata.user_api_key_org_id or metadata.user_api_key_team_id,
            client_ip=_string(payload.requester_ip_address)
            or _string(metadata.requester_ip_address),
            user_agent=_string(payload.user_agent) or _string(metadata.user_agent),
            operation=_OPERATIONS.get(payload.call_type or "", payload.call_type),
            input_tokens=payload.prompt_tokens,
            output_tokens=payload.completion_tokens,
            cached_tokens=_cached(usage),
            reasoning_tokens=_count(
                _mapping(usage.get("completion_tokens_details")).get("reasoning_tokens")
            ),
            status=_status(payload),
            duration_s=_duration(payload.response_time),
            stream=bool(payload.stream),
            temperature=_number(parameters.get("temperature")),
            max_tokens=_limit(parameters),
            logprobs=_asked(parameters.get("logprobs")),
            system_prompt=system,
            prompt=prompt,
        )

    def _identify(self, payload: _Payload, metadata: _Metadata) -> str:
        found = {
            "key": metadata.user_api_key_hash,
            "user": metadata.user_api_key_user_id,
            "end_user": _string(payload.end_user),
            "team": metadata.user_api_key_team_id,
            "organization": metadata.user_api_key_org_id,
        }
        account = found[self._account] or next(filter(None, found.values()), None)
        if account:
            return account
        if payload.status == "failure":
            # Turned away at the door, as for a wrong key: nobody's request reached a model.
            raise DecodeError("not_a_request", "a failed call of an unknown caller")
        raise DecodeError("missing_field", "no key, user, end user, team or organization")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else _NOTHING


def _count(value: object) -> int | None:
    return min(value, MAX_COUNT) if type(value) is int and value >= 0 else None


def _number(value: object) -> float | None:
    return value if isinstance(value, float) else _count(value)


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _duration(value: object) -> float | None:
    number = _number(value)
    return number if number is not None and 0 <= number <= MAX_DURATION_S else None


def _asked(value: object) -> bool | None:
    return None if value is None else bool(value)


def _limit(parameters: Mapping[str, Any]) -> int | None:
    for name in ("max_tokens", "max_completion_tokens", "max_output_tokens"):
        if (limit := _count(parameters.get(name))) is not None:
            return limit
    return None


def _cached(usage: Mapping[str, Any]) -> int | None:
    cached = _count(_mapping(usage.get("prompt_tokens_details")).get("cached_tokens"))
    return cached if cached is not None else _count(usage.get("cache_read_input_tokens"))


def _status(payload: _Payload) -> int | None:
    if payload.status == "success":
        return _OK
    if payload.status != "failure":
        return None
    code = _mapping(payload.error_information).get("error_code")
    text = str(code) if type(code) in {int, str} and code != "" else ""
    numeric = len(text) <= len(str(_MAX_STATUS)) and text.isascii() and text.isdigit()
    return int(text) if numeric else _FAILED
