"""The canonical request event, as every format decodes into it.

Holds the only copy of a prompt's text in the product, for as long as its batch is being
fingerprinted; its ``repr`` does not show it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

_Tokens = Annotated[int, Meta(ge=0, le=2**31 - 1)]
_Identifier = Annotated[str, Meta(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]
_Short = Annotated[str, Meta(max_length=4096)]


class RequestEvent(Struct, kw_only=True, gc=False):
    """One request to a model; the contract's fields. None: the gateway does not say."""

    timestamp: float | datetime
    account_id: _Identifier
    model: _Short
    request_id: _Short | None = None
    api_key_id: _Short | None = None
    organization_id: _Short | None = None
    client_ip: _Short | None = None
    asn: int | None = None
    country: _Short | None = None
    user_agent: _Short | None = None
    tls_fingerprint: _Short | None = None
    payment_id: _Short | None = None
    account_created_at: float | datetime | None = None
    plan: _Short | None = None
    operation: _Short | None = None
    input_tokens: _Tokens | None = None
    output_tokens: _Tokens | None = None
    cached_tokens: _Tokens | None = None
    reasoning_tokens: _Tokens | None = None
    status: Annotated[int, Meta(ge=0, le=999)] | None = None
    duration_s: Annotated[float, Meta(ge=0, le=1e6)] | None = None
    stream: bool | None = None
    temperature: Annotated[float, Meta(ge=-1e3, le=1e3)] | None = None
    max_tokens: _Tokens | None = None
    logprobs: bool | None = None
    system_prompt: str | None = None
    prompt: str | None = None
    prompt_fingerprint: _Short | None = None

    def __rich_repr__(self) -> Any:  # noqa: ANN401 - rich's protocol
        """Show what identifies the event, never its text."""
        yield "timestamp", self.timestamp
        yield "model", self.model

    def __repr__(self) -> str:
        """Show what identifies the event, never its text."""
        return f"RequestEvent(timestamp={self.timestamp!r}, model={self.model!r})"
