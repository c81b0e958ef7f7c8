"""Settings of event time and of the rolling windows."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class WindowSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How event time is cut and how much is remembered."""

    step_s: Annotated[
        float,
        Meta(
            ge=1,
            le=3600,
            description="Accounts are judged at the end of every step of event time",
            extra={"unit": "s"},
        ),
    ] = 60.0
    grace_s: Annotated[
        float,
        Meta(
            ge=0,
            description="How much later than its neighbours an event may come and still count",
            extra={"unit": "s"},
        ),
    ] = 10.0
    idle_after_s: Annotated[
        float,
        Meta(
            gt=0,
            description="A source partition this long without a record holds nobody up; said again "
            "as often",
            extra={"unit": "s"},
        ),
    ] = 5.0
    max_accounts: Annotated[
        int,
        Meta(
            ge=1,
            description="Accounts remembered per partition; beyond it the least valuable go",
            extra={"unit": "accounts"},
        ),
    ] = 500_000
    max_pending_rows: Annotated[
        int,
        Meta(
            ge=1000,
            description="Events that may wait per partition; beyond it steps end early",
            extra={"unit": "events"},
        ),
    ] = 2_000_000
