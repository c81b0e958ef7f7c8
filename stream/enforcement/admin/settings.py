"""Settings of the admin API of a gateway, which enforcers write limits to."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from stream.core.secret import Secret


class AdminSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose admin API, where, and how fast."""

    api: Annotated[
        Literal["", "litellm", "kong"],
        Meta(
            description="Gateway whose key management carries out suspend and throttle: litellm "
            "or kong; empty: none"
        ),
    ] = ""
    url: Annotated[
        str, Meta(description="Address of its admin API, such as https://litellm:4000")
    ] = ""
    token: Annotated[
        Secret,
        Meta(
            description="LiteLLM: the key of a proxy admin; Kong: the Kong-Admin-Token, where it "
            "has one. Set it by environment or file"
        ),
    ] = Secret()
    allow_insecure: Annotated[
        bool, Meta(description="Allow an unencrypted http:// address of another machine")
    ] = False
    ssl_cafile: Annotated[
        str,
        Meta(
            description="PEM file of the certificate authorities of the gateway; empty: those of "
            "the system"
        ),
    ] = ""
    timeout_s: Annotated[
        float, Meta(gt=0, le=60, description="Timeout of a request", extra={"unit": "s"})
    ] = 5.0
    check_s: Annotated[
        float,
        Meta(
            ge=10,
            description="How often all that is in force is compared with what the gateway has",
            extra={"unit": "s"},
        ),
    ] = 600.0  # assumed: what others change there is rare
    accounts_a_minute: Annotated[
        int,
        Meta(
            ge=1,
            le=60_000,
            description="Most accounts that are read and changed in a minute, by each enforcer",
            extra={"unit": "accounts"},
        ),
    ] = 1200  # assumed: a campaign of 100 accounts takes 5 s
    concurrency: Annotated[
        int,
        Meta(ge=1, le=64, description="Accounts at the same time", extra={"unit": "accounts"}),
    ] = 4
    longest_retry_s: Annotated[
        float,
        Meta(
            ge=1,
            description="Maximum delay of a retry while the gateway is away",
            extra={"unit": "s"},
        ),
    ] = 60.0
