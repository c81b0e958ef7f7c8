"""The canonical request as the simulator writes it; reading it back is the codec's business."""

from __future__ import annotations

import msgspec


class ChatMessage(msgspec.Struct, frozen=True, gc=False):
    """One turn of a conversation: ``role`` is user or assistant."""

    role: str
    content: str


class Request(msgspec.Struct, omit_defaults=True, kw_only=True, gc=False):
    """One call of the gateway. Fields and units are those of the canonical event."""

    timestamp: float
    account_id: str
    model: str
    request_id: str | None = None
    api_key_id: str | None = None
    organization_id: str | None = None
    client_ip: str | None = None
    asn: int | None = None
    country: str | None = None
    user_agent: str | None = None
    tls_fingerprint: str | None = None
    payment_id: str | None = None
    account_created_at: float | None = None
    plan: str | None = None
    operation: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    status: int | None = None
    duration_s: float | None = None
    stream: bool | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    logprobs: bool | None = None
    system_prompt: str | None = None
    prompt: str | None = None
    messages: list[ChatMessage] | None = None
    response: str | None = None


class Label(msgspec.Struct, frozen=True):
    """The truth about one account: ``label`` is benign or attack."""

    account_id: str
    label: str
    campaign_id: str = ""
