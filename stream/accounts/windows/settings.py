"""Settings of event time and of the rolling windows."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class WindowSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How event time is divided into windows and how much is kept."""

    window_s: Annotated[
        float,
        Meta(
            ge=1,
            le=3600,
            description="Length of a tumbling window of event time; its close scores the accounts",
            extra={"unit": "s"},
        ),
    ] = 60.0
    allowed_lateness_s: Annotated[
        float,
        Meta(
            ge=0,
            description="Allowed lateness: how far an event may trail the newest of its "
            "partition and "
            "still count; alerts wait as long",
            extra={"unit": "s"},
        ),
    ] = 10.0
    idle_timeout_s: Annotated[
        float,
        Meta(
            gt=0,
            description="Idle timeout: a source partition without records for this long no longer "
            "delays the watermark",
            extra={"unit": "s"},
        ),
    ] = 5.0
    max_accounts: Annotated[
        int,
        Meta(
            ge=1,
            description="Accounts kept per partition; above it the lowest priority is evicted",
            extra={"unit": "accounts"},
        ),
    ] = 500_000
    max_pending_rows: Annotated[
        int,
        Meta(
            ge=1000,
            description="Events buffered per partition; above it windows fire early",
            extra={"unit": "events"},
        ),
    ] = 2_000_000
