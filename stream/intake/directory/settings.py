"""Settings of the account directory."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class DirectorySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of the account directory a worker holds."""

    max_entries: Annotated[
        int,
        Meta(
            ge=1,
            le=2**30,
            description="Most accounts in the directory; further ones are rejected. Every worker "
            "holds all of them, in some 100 bytes each",
            extra={"unit": "accounts"},
        ),
    ] = 2_000_000
