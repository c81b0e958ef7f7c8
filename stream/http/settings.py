"""Settings of a worker's HTTP endpoints."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class HttpSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where /metrics, /livez and /readyz listen.

    All interfaces by default, because Prometheus and the probes of an orchestrator come from
    elsewhere; the endpoints show no account, key, address or setting.
    """

    host: Annotated[str, Meta(description="Interface of the HTTP endpoints")] = "0.0.0.0"  # noqa: S104 - see above
    port: Annotated[
        int,
        Meta(ge=0, le=65535, description="Port of the HTTP endpoints; 0: any free one"),
    ] = 6066
    stalled_after_s: Annotated[
        float,
        Meta(
            gt=0,
            description="/livez fails when records wait and none was processed for this long",
            extra={"unit": "s"},
        ),
    ] = 120.0
