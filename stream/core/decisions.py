"""Decisions about accounts: what is to be done, why, until when, and who wanted it.

A decision is a series of states with one id. Each state names the hash of the state before it, so
that a reader knows which of two came later, whatever their clocks show. Nothing here decides.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, get_args

import msgspec
from msgspec import Meta

from stream.core.canaries import CANARY_PATTERN
from stream.core.events import MAX_ACCOUNT_BYTES

#: What is done about a subject, mildest first.
Action = Literal["watch", "verify", "throttle", "hide_reasoning", "mark", "reroute", "suspend"]
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)
#: Actions under which requests are not answered.
STOPPING: Final = frozenset[Action]({"throttle", "suspend"})
#: What the id of a subject names. Accounts are what the log calls accounts.
SubjectKind = Literal["account", "key", "user", "team", "campaign"]
DecisionState = Literal["proposed", "approved", "active", "expired", "undone", "refused"]
ActorKind = Literal["policy", "person", "verdict", "clock", "enforcer"]
#: States after which a decision never changes.
ENDED: Final = frozenset[DecisionState]({"expired", "undone", "refused"})
#: States in which gateways carry a decision out.
IN_FORCE: Final = frozenset[DecisionState]({"approved", "active"})

DECISION_ID: Final = r"^dec_[0-9a-f]{20}$"
_Hash = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$")]
_Time = Annotated[float, Meta(gt=0, lt=1e11)]  # epoch seconds
_Name = Annotated[str, Meta(min_length=1, max_length=128)]
_Text = Annotated[str, Meta(max_length=1000)]
_Id = Annotated[str, Meta(min_length=1, max_length=MAX_ACCOUNT_BYTES)]


class DecisionSubject(msgspec.Struct, frozen=True, kw_only=True):
    """Who or what a decision is about; a campaign's accounts stand in the decision."""

    kind: Annotated[SubjectKind, Meta(description="What `id` names")]
    id: Annotated[_Id, Meta(description="Id as the log has it, or the campaign's id")]


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who made a state: a person by name, or a part of the product."""

    kind: Annotated[ActorKind, Meta(description="person, or which part of the product")]
    name: Annotated[_Name, Meta(description="The person's name, or the policy's rule")]


class TrafficBefore(msgspec.Struct, frozen=True, kw_only=True):
    """What the accused accounts had sent when the alert was made, as it has them."""

    accounts: Annotated[int, Meta(ge=1, description="Accounts that sent it")]
    requests: Annotated[int, Meta(ge=0, description="Requests since the first evidence")]
    output_tokens: Annotated[int, Meta(ge=0, description="Output tokens of these")]
    output_tokens_last_hour: Annotated[
        int, Meta(ge=0, description="Output tokens of the hour before the alert")
    ]


class Reason(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why: the alert as it was, and a person's words."""

    alert_id: Annotated[str, Meta(max_length=64, description="The alert; empty without one")] = ""
    summary: Annotated[_Text, Meta(description="The alert's sentence")] = ""
    evidence: Annotated[
        list[str], Meta(max_length=32, description="Names of its evidence, strongest first")
    ] = []
    model_version: Annotated[str, Meta(max_length=64, description="Model that scored")] = ""
    note: Annotated[_Text, Meta(description="What the person wrote")] = ""
    alerted_at: Annotated[
        float | None, Meta(description="When the alert was written, epoch seconds")
    ] = None
    before: TrafficBefore | None = None


class Limits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a throttled, rerouted or marked subject gets; absent: the enforcer's own settings."""

    requests_per_minute: (
        Annotated[int, Meta(ge=1, le=100_000, description="throttle: requests a minute")] | None
    ) = None
    output_tokens: (
        Annotated[int, Meta(ge=1, le=1_000_000, description="throttle: most tokens of an answer")]
        | None
    ) = None
    model: (
        Annotated[str, Meta(min_length=1, max_length=256, description="reroute: another model")]
        | None
    ) = None
    instruction: (
        Annotated[str, Meta(min_length=1, max_length=4000, description="mark: text that is added")]
        | None
    ) = None
    canary: (
        Annotated[
            str, Meta(pattern=CANARY_PATTERN, description="mark: a word of this decision alone")
        ]
        | None
    ) = None

    def __post_init__(self) -> None:
        """Refuse an instruction without the canary: raises ValueError."""
        if self.canary and self.instruction and self.canary not in self.instruction:
            raise ValueError("`canary` goes with an instruction that has it")


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One state of a decision; times are epoch seconds of the writer's clock."""

    decision_id: Annotated[str, Meta(pattern=DECISION_ID, description="The same in all states")]
    sequence: Annotated[int, Meta(ge=1, le=1_000_000, description="1, and one more each state")]
    previous: Annotated[
        _Hash, Meta(description="SHA-256 of the state before it as it was written; empty: none")
    ] = ""
    state: Annotated[DecisionState, Meta(description="expired, undone, refused: never changes")]
    subject: DecisionSubject
    accounts: Annotated[
        list[_Id], Meta(description="A campaign's members when it was proposed, ascending")
    ] = []
    action: Annotated[Action, Meta(description="What is done")]
    limits: Limits = Limits()
    reason: Reason
    lasts_s: Annotated[
        float, Meta(gt=0, le=1e9, description="How long it is in force, from its approval on")
    ]
    until: Annotated[
        _Time, Meta(description="When it ends; of a proposal: when it is no longer waited for")
    ]
    proposed_by: Actor
    proposed_at: _Time
    approved_by: Annotated[
        list[Actor], Meta(max_length=8, description="Who approved, in this order")
    ] = []
    approved_at: Annotated[float | None, Meta(description="When the last needed one did")] = None
    people_needed: Annotated[int, Meta(ge=0, le=8, description="Approvals that it needs")] = 1
    traffic_share: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None,
        Meta(description="Share of a day's requests that its accounts sent; absent: not known"),
    ] = None
    replaces: Annotated[str, Meta(description="The decision that this one ends")] = ""
    simulated: Annotated[
        bool, Meta(description="Served and counted, and carried out by no gateway")
    ] = False
    drill: Annotated[bool, Meta(description="Of `distillwatch drill`")] = False
    actor: Annotated[Actor, Meta(description="Who made this state")]
    time: Annotated[_Time, Meta(description="When this state was made")]
    note: Annotated[_Text, Meta(description="Why this state was made")] = ""

    def __post_init__(self) -> None:
        """Refuse fields that do not fit together: raises ValueError."""
        if (self.sequence == 1) != (not self.previous):
            raise ValueError("`previous`: the first state has none, every other one has")
        if self.until <= self.proposed_at:
            raise ValueError("`until`: expected a time after `proposed_at`")
        if self.accounts and self.subject.kind != "campaign":
            raise ValueError("`accounts` goes with a campaign")

    @property
    def key(self) -> str:
        """Return the key in the topic."""
        return self.decision_id

    @property
    def strength(self) -> int:
        """Return how much the action interferes: its position in ACTIONS."""
        return ACTIONS.index(self.action)

    @property
    def subjects(self) -> list[tuple[SubjectKind, str]]:
        """Return kind and id of everything that it acts on."""
        if self.subject.kind == "campaign":
            return [("account", account) for account in self.accounts]
        return [(self.subject.kind, self.subject.id)]
