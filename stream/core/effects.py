"""What gateways have done under decisions: what enforcers report, and what it adds up to.

Enforcers count from zero with every run, so a report is cumulative for one run. Reports never
change a decision: they would make its audit grow with the traffic.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, get_args

import msgspec
from msgspec import Meta

from stream.core.decisions import DECISION_ID, Decision

#: What happened to a request under a decision.
EffectKind = Literal["refused", "slowed", "changed", "simulated"]
EFFECT_KINDS: Final[tuple[EffectKind, ...]] = get_args(EffectKind)
#: An enforcer that claims more is broken: assumed, a million requests a second for 30 years.
MAX_REQUESTS: Final = 10**15
_Requests = Annotated[int, Meta(ge=0, le=MAX_REQUESTS)]
_Time = Annotated[float, Meta(gt=0, lt=1e11)]  # epoch seconds


class EffectReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one run of an enforcer has counted of one gateway's requests under one decision."""

    decision_id: Annotated[str, Meta(pattern=DECISION_ID, description="The decision")]
    enforcer: Annotated[str, Meta(min_length=1, max_length=128, description="Name of the enforcer")]
    run: Annotated[
        str, Meta(pattern=r"^[0-9a-f]{16}$", description="Drawn when the enforcer started")
    ]
    gateway: Annotated[
        str,
        Meta(max_length=16, description="Position of its token; empty: that the decision is held"),
    ] = ""
    held_at: Annotated[_Time, Meta(description="When this run first held the decision")]
    simulated: Annotated[bool, Meta(description="Nothing of it was carried out")] = False
    refused_requests: Annotated[_Requests, Meta(description="Refused, 403")] = 0
    slowed_requests: Annotated[_Requests, Meta(description="Beyond a throttle's rate, 429")] = 0
    changed_requests: Annotated[_Requests, Meta(description="Passed with a header, or changed")] = 0
    simulated_requests: Annotated[
        _Requests, Meta(description="Passed as everyone's, and only counted")
    ] = 0
    first_refused_at: Annotated[
        _Time | None, Meta(description="When the first one was refused or slowed")
    ] = None

    @property
    def key(self) -> str:
        """Return the key in the topic."""
        return f"{self.decision_id}/{self.run}/{self.gateway}"

    @property
    def requests(self) -> int:
        """Return how many requests were counted: of one run it only grows."""
        return (
            self.refused_requests
            + self.slowed_requests
            + self.changed_requests
            + self.simulated_requests
        )


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """An enforcer that has held a decision."""

    enforcer: Annotated[str, Meta(description="Name of the enforcer")]
    at: Annotated[float, Meta(description="When it first held it, epoch seconds")]


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What all enforcers have done under one decision."""

    refused: Annotated[int, Meta(description="Requests that were refused")] = 0
    slowed: Annotated[int, Meta(description="Requests beyond a throttle's rate")] = 0
    changed: Annotated[int, Meta(description="Requests that passed with a header or changed")] = 0
    simulated: Annotated[int, Meta(description="Requests that were only counted")] = 0
    first_refused_at: Annotated[
        float | None, Meta(description="When the first was refused or slowed, epoch seconds")
    ] = None
    tokens_not_taken_estimate: Annotated[
        int | None,
        Meta(description="Output tokens, an estimate; null: it cannot be estimated"),
    ] = None
    alert_to_approval_s: Annotated[
        float | None, Meta(description="From the alert to the last needed approval")
    ] = None
    approval_to_refusal_s: Annotated[
        float | None, Meta(description="From there to the first request refused or slowed")
    ] = None


class FollowedDecision(Decision, frozen=True, kw_only=True, omit_defaults=True):
    """A decision with what has come of it, for those who read it; never written to a topic."""

    applied: Annotated[list[Applied], Meta(description="Who has held it, first one first")]
    effect: Effect
