"""Settings of decisions: the mode, what is proposed, and the guard rails above all of it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from stream.core.decisions import Action
from stream.core.findings import Severity
from stream.core.secret import Secret

Mode = Literal["observe", "propose", "enforce"]
_S = {"unit": "s"}
_DAY_S: Final = 86400.0


class PolicyRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is proposed for alerts of one kind and severity."""

    kind: Literal["account", "campaign"]
    severity: Severity
    action: Action
    for_s: Annotated[float, Meta(ge=60)]
    #: What the next one is for a subject that has had this one.
    then: Action | None = None


#: A single account may be a customer whose account was taken over: it is watched first.
DEFAULT_RULES: Final = (
    PolicyRule(kind="account", severity="warning", action="watch", for_s=7 * _DAY_S, then="verify"),
    PolicyRule(
        kind="account", severity="critical", action="throttle", for_s=_DAY_S, then="suspend"
    ),
    PolicyRule(
        kind="campaign", severity="warning", action="throttle", for_s=_DAY_S, then="suspend"
    ),
    PolicyRule(kind="campaign", severity="critical", action="suspend", for_s=7 * _DAY_S),
)


class DecisionSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is proposed, who has to approve, and what nothing may exceed."""

    key: Annotated[
        Secret,
        Meta(
            description="Key that signs decisions, of 32 characters or more; the first of several "
            "(separated by spaces) signs, all verify. Empty: there are no decisions"
        ),
    ] = Secret()
    mode: Annotated[
        Mode,
        Meta(
            description="observe: nothing is carried out; propose: what a person approves is; "
            "enforce: the policy approves its own proposals, without suspensions"
        ),
    ] = "observe"
    rules: Annotated[
        tuple[PolicyRule, ...],
        Meta(
            max_length=64,
            description="What is proposed for alerts of each kind and severity, and for how long",
            extra={"json": True},
        ),
    ] = DEFAULT_RULES
    suspend_without_person: Annotated[
        bool,
        Meta(description="With mode enforce: the policy approves suspensions, too"),
    ] = False
    repeated_within_s: Annotated[
        float,
        Meta(
            ge=0,
            description="A decision about a subject that had one within this time lasts twice as "
            "long, and takes the rule's next action",
            extra=_S,
        ),
    ] = 30 * _DAY_S
    longest_s: Annotated[
        float, Meta(ge=60, description="Longest duration of a decision", extra=_S)
    ] = 30 * _DAY_S
    proposal_s: Annotated[
        float,
        Meta(ge=60, description="A proposal that no one approves ends after this time", extra=_S),
    ] = 3 * _DAY_S
    two_people_above: Annotated[
        int,
        Meta(
            ge=0,
            description="Suspending more accounts than this in a day needs two people",
            extra={"unit": "accounts"},
        ),
    ] = 20
    max_accounts_a_day: Annotated[
        int,
        Meta(
            ge=1,
            description="Accounts that decisions of the last 24 hours may act on; what exceeds it "
            "is not carried out",
            extra={"unit": "accounts"},
        ),
    ] = 1000
    max_traffic_share_a_day: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            description="Share of a day's requests that decisions of the last 24 hours may stop "
            "(throttle, suspend); what exceeds it is not carried out",
        ),
    ] = 0.5  # assumed: whatever stops most of the traffic is a mistake
    allow: Annotated[
        tuple[str, ...],
        Meta(
            max_length=10_000,
            description="Accounts that nothing is done about, whatever was decided: ids, or "
            "patterns such as 'ci-*'",
            extra={"json": True},
        ),
    ] = ()
    contact: Annotated[
        str,
        Meta(max_length=500, description="Where customers contest a decision; in the statement"),
    ] = ""
    max_decisions: Annotated[
        int,
        Meta(
            ge=100,
            description="Decisions kept in memory; ended ones are dropped first",
            extra={"unit": "decisions"},
        ),
    ] = 100_000
    max_effects: Annotated[
        int,
        Meta(
            ge=100,
            description="Reports of effects kept in memory, one for each decision, run of an "
            "enforcer and gateway; those of the decisions that were held first are dropped",
            extra={"unit": "reports"},
        ),
    ] = 200_000  # assumed: all decisions of two enforcers
