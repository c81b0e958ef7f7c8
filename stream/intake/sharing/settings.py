"""Settings of sharing with other operators."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from stream.core.secret import Secret


class SharingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The key of a sharing group, and who we are in it; without a key nothing is shared."""

    key: Annotated[
        Secret,
        Meta(
            description="Key of the fingerprints that may be shared, the same for all operators of "
            "a group; empty: no value gets one. Set it by environment variable or file",
            extra={"secret": True},
        ),
    ] = Secret()
    key_id: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9._-]{0,64}$",
            description="Name of sharing.key in the group; indicators under other keys match "
            "nothing and are refused",
        ),
    ] = ""
    operator: Annotated[
        str,
        Meta(
            max_length=128,
            description="Your name in what you share, as the group knows you; `share export` needs "
            "it",
        ),
    ] = ""
    valid_s: Annotated[
        float,
        Meta(
            ge=3600,
            le=31_536_000,
            description="How long indicators that you share are valid after the last evidence",
            extra={"unit": "s"},
        ),
    ] = 30 * 86400.0
    max_values: Annotated[
        int,
        Meta(
            ge=1024,
            le=2**24,
            description="Values of each kind of which a worker remembers the first account; beyond "
            "it older ones are forgotten",
            extra={"unit": "values"},
        ),
    ] = 131_072
    max_indicators: Annotated[
        int,
        Meta(
            ge=1,
            le=10_000_000,
            description="Most indicators of other operators; further ones are rejected. Every "
            "worker holds all of them, in some 500 bytes each",
            extra={"unit": "indicators"},
        ),
    ] = 100_000
    taxii_user: Annotated[str, Meta(description="User name at TAXII servers (HTTP Basic)")] = ""
    taxii_password: Annotated[
        Secret,
        Meta(
            description="Password at TAXII servers. Set it by environment variable or file",
            extra={"secret": True},
        ),
    ] = Secret()

    def __post_init__(self) -> None:
        """Refuse a key without a name: raises ValueError."""
        if self.key and not self.key_id:
            raise ValueError("key_id: expected the name of sharing.key in the group")
