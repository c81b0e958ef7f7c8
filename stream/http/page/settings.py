"""Settings of the page for people on call."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from stream.core.secret import Secret


class PageSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may see the page, if there is one, and how much a worker remembers for it."""

    token: Annotated[
        Secret,
        Meta(
            description="What people open /page/ on http.port with, 16 characters or more; several "
            "separated by spaces while rotating; empty: no page. Give it by environment or file"
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
