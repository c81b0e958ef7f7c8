"""Settings of the page for people on call."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from stream.types.secret import Secret


class PageSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether a worker serves the page, to whom, and how much it remembers for it."""

    enabled: Annotated[
        bool,
        Meta(description="Serve incidents on /page/ of http.port; without a token nobody sees any"),
    ] = False
    token: Annotated[
        Secret,
        Meta(
            description="What people open the page with, 16 characters or more; several separated "
            "by spaces while rotating. Give it by environment or file"
        ),
    ] = Secret()
    max_incidents: Annotated[
        int,
        Meta(
            ge=16,
            le=10_000,
            description="Incidents remembered for the page; resolved ones make room first, then "
            "those told of longest ago",
            extra={"unit": "incidents"},
        ),
    ] = 500
