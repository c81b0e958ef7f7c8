"""Settings of the HTTP bridge."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from stream.core.secret import Secret


class BridgeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the bridge listens, who may post to it and how much it holds."""

    host: Annotated[str, Meta(description="Network interface that gateways post to")] = "127.0.0.1"
    port: Annotated[
        int, Meta(ge=0, le=65535, description="Port that gateways post to; 0: any free one")
    ] = 8089
    tokens: Annotated[
        Secret,
        Meta(
            description="Tokens that gateways send as `Authorization: Bearer …`, 16 characters or "
            "more; several separated by spaces while rotating. Set them by environment or file"
        ),
    ] = Secret()
    max_body_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            description="Maximum size of an uncompressed body; larger ones are refused (413)",
            extra={"unit": "bytes"},
        ),
    ] = 8_388_608
    max_pending_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            description="Maximum total size of bodies that the brokers do not have yet; beyond it "
            "gateways get 429 and retry",
            extra={"unit": "bytes"},
        ),
    ] = 67_108_864
    timeout_s: Annotated[
        float,
        Meta(
            gt=0,
            le=600,
            description="Maximum wait for the brokers; after it gateways get 503 and retry",
            extra={"unit": "s"},
        ),
    ] = 15.0

    def __post_init__(self) -> None:
        """Refuse limits that no body can satisfy: raises ValueError."""
        if self.max_body_bytes > self.max_pending_bytes:
            raise ValueError("max_body_bytes: expected at most bridge.max_pending_bytes")
