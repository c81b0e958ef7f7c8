"""Settings of account detection."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

_S = {"unit": "s"}
_ACCOUNTS = {"unit": "accounts"}


class DetectionSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How rare an account's behaviour must be, and what it is compared with.

    The defaults are assumed; the benchmark (docs/evaluation.md) measures them together.
    """

    alerts_budget: Annotated[
        float,
        Meta(
            gt=0,
            le=1000,
            description="False account incidents accepted; it sets how rare an account must be",
            extra={"unit": "per 10,000 accounts and day"},
        ),
    ] = 1.0
    sustain_s: Annotated[
        float,
        Meta(
            ge=0,
            description="A score must stay suspect this long before it can open an incident",
            extra=_S,
        ),
    ] = 3600.0
    quiet_period_s: Annotated[
        float,
        Meta(
            ge=60,
            description="A suspect episode ends after this long without evidence",
            extra=_S,
        ),
    ] = 86400.0
    min_requests: Annotated[
        int,
        Meta(
            ge=10,
            description="Accounts with fewer requests in the last day are not scored alone",
            extra={"unit": "requests"},
        ),
    ] = 50
    score_every_s: Annotated[
        float,
        Meta(
            ge=0, description="Minimum interval between scores of an account, event time", extra=_S
        ),
    ] = 900.0
    learn_every_s: Annotated[
        float,
        Meta(
            ge=60,
            description="Minimum interval between learnings from an account, event time",
            extra=_S,
        ),
    ] = 3600.0
    quarantine_s: Annotated[
        float,
        Meta(
            ge=0,
            description="The population model learns from an account that appears after the "
            "warm-up only when it is this old: a wave of new accounts cannot make itself common",
            extra=_S,
        ),
    ] = 2 * 86400.0
    warm_up_accounts: Annotated[
        int,
        Meta(
            ge=10,
            description="The population model scores once it has learnt from this many accounts",
            extra=_ACCOUNTS,
        ),
    ] = 30
    warm_up_s: Annotated[
        float,
        Meta(
            ge=0,
            description="The population model scores this long after it began to learn",
            extra=_S,
        ),
    ] = 6 * 3600.0
    population_half_life_s: Annotated[
        float,
        Meta(ge=3600, description="Half-life of the population model", extra=_S),
    ] = 7 * 86400.0
    baseline_half_life_s: Annotated[
        float,
        Meta(ge=3600, description="Half-life of an account's own baseline", extra=_S),
    ] = 7 * 86400.0
    baseline_hours: Annotated[
        int,
        Meta(
            ge=2,
            description="Hours with traffic before an account's own baseline is used",
            extra={"unit": "h"},
        ),
    ] = 36
    trees: Annotated[
        int, Meta(ge=1, le=200, description="Half-space trees", extra={"unit": "trees"})
    ] = 25
    tree_height: Annotated[
        int, Meta(ge=2, le=12, description="Height of a half-space tree", extra={"unit": "levels"})
    ] = 7
    tree_window: Annotated[
        int,
        Meta(
            ge=20,
            description="Observations in a window of the half-space trees; scores are by the last "
            "full window",
            extra={"unit": "observations"},
        ),
    ] = 250
    seed: Annotated[
        int, Meta(ge=0, description="Seed of the half-space trees", extra={"unit": ""})
    ] = 1
