"""Settings of the page for people on call."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from stream.core.secret import Secret


class PageSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Access to the page, and how much a worker remembers for it."""

    token: Annotated[
        Secret,
        Meta(
            description="Token that opens /page/ on http.port, 16 characters or more; several "
            "separated by spaces while rotating; empty: no page. Set it by environment or file"
        ),
    ] = Secret()
    url: Annotated[
        str,
        Meta(
            pattern=r"^(https?://[^\s#<>|]+)?$",
            max_length=1000,
            description="Address under which people open /page/, https://.../page/; messages about "
            "alerts then link to their incident there. Empty: no links",
        ),
    ] = ""
    max_incidents: Annotated[
        int,
        Meta(
            ge=16,
            le=10_000,
            description="Incidents remembered for the page; resolved ones are dropped first, then "
            "those updated longest ago",
            extra={"unit": "incidents"},
        ),
    ] = 500
