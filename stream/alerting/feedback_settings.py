"""Settings of verdicts and suppressions."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

_S = {"unit": "s"}


class FeedbackSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What verdicts and suppressions do, and for how long."""

    mute_s: Annotated[
        float,
        Meta(
            ge=3600,
            description="A false_positive or benign verdict mutes the same cause for this long",
            extra=_S,
        ),
    ] = 30 * 86400.0
    account_odds: Annotated[
        float,
        Meta(
            gt=1,
            description="A muted account fires again when the odds of its score have grown by this "
            "factor since the verdict",
            extra={"unit": "times"},
        ),
    ] = 10.0
    campaign_share: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            description="A campaign is muted when this share of its members or of its shared "
            "values was in the campaign that the verdict is about",
            extra={"unit": "share"},
        ),
    ] = 0.5
    max_verdicts: Annotated[
        int,
        Meta(
            ge=1,
            description="Verdicts kept to mute and to calibrate; the oldest are dropped first",
            extra={"unit": "verdicts"},
        ),
    ] = 1000
    max_suppressions: Annotated[
        int,
        Meta(
            ge=1,
            le=1000,
            description="Maximum active suppressions; beyond it those that end first are dropped",
            extra={"unit": "suppressions"},
        ),
    ] = 200
    longest_suppression_s: Annotated[
        float,
        Meta(
            ge=60,
            description="Longest allowed duration of a suppression",
            extra=_S,
        ),
    ] = 90 * 86400.0
    learn_from: Annotated[
        float,
        Meta(
            ge=1,
            description="Verdicts of each kind (true, and false or benign) before they adjust "
            "scores; one author counts as five at most",
            extra={"unit": "verdicts"},
        ),
    ] = 10.0
    learnt_odds: Annotated[
        float,
        Meta(
            ge=1,
            le=4,
            description="Verdicts multiply or divide the odds of a score by at most this; 1: they "
            "adjust nothing",
            extra={"unit": "times"},
        ),
    ] = 2.0
