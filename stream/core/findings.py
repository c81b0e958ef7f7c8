"""What detection finds: accounts that look anomalous, and groups of accounts that share a value."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
import numpy as np
from msgspec import Meta

from stream.core.events import CONTENT_DIMENSIONS, WORD_BITS
from stream.core.links import LinkKind
from stream.core.traffic import CountsBytes, GroupedBy, TrafficBytes

_CONTENT_BYTES: Final = 4 * CONTENT_DIMENSIONS
ContentBytes = Annotated[bytes, Meta(min_length=_CONTENT_BYTES, max_length=_CONTENT_BYTES)]


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One reason for a score; the contract's ``evidence``."""

    feature: Annotated[str, Meta(description="Name of the feature, see the glossary")]
    value: Annotated[float, Meta(description="What the account or the members did")]
    unit: Annotated[str, Meta(description="Unit of value, baseline and population")]
    baseline: Annotated[
        float | None,
        Meta(description="The account's own usual value, or the population's where it has none"),
    ]
    population: Annotated[
        float | None, Meta(description="The population's value, where it is known")
    ] = None
    contribution: Annotated[float, Meta(description="Share of the score, 0 to 1")]
    meaning: Annotated[str, Meta(description="The reason in words")]


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """Traffic since the first evidence, and that of the last hour."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0  # of these, as far as they are logged; campaigns only
    requests_last_hour: int = 0
    output_tokens_last_hour: int = 0


class TrafficGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Members of a campaign with one main country or model; all of their traffic counts for it."""

    by: Annotated[GroupedBy, Meta(description="What the members have in common")]
    name: Annotated[
        str, Meta(description="Country (ISO 3166-1) or model as logged; empty: unknown, or others")
    ]
    accounts: Annotated[int, Meta(description="Members")]
    requests: int
    input_tokens: int
    output_tokens: int
    reasoning_tokens: Annotated[int, Meta(description="Of the output tokens, where logged")]


class Shared(msgspec.Struct, frozen=True, kw_only=True):
    """A rare value that members of a campaign have in common."""

    kind: LinkKind
    value: int  # keyed fingerprint
    accounts: int  # members that have it
    members: list[str]  # some of them


class AccountObservation(msgspec.Struct, frozen=True, array_like=True):
    """What its accounts task knows of one account at the end of a window."""

    account_id: str
    time: float  # end of the window, epoch seconds
    row: bytes  # packed by the accounts room


class AccountFinding(msgspec.Struct, frozen=True, kw_only=True):
    """An account that looks anomalous at the end of a window."""

    account_id: str
    time: float  # end of the window, epoch seconds
    since: float  # first evidence, epoch seconds
    score: float  # calibrated, 0 to 1
    evidence: list[Evidence]
    observed: Observed
    model_version: str


class Member(msgspec.Struct, frozen=True, array_like=True):
    """An account's part in a group; the order of fields is part of the packet format."""

    account_id: str
    since: float  # first use of the value, epoch seconds
    last: float  # last use of the value, epoch seconds
    requests: int  # with the value, since ``since``
    organization: int  # keyed fingerprint, 0 when unknown
    created_at: float | None
    first_seen: float  # of the account, epoch seconds
    day_requests: float
    active_hours: int
    before: CountsBytes  # COUNTS of the account before the window that ended at ``since``
    traffic: TrafficBytes  # TRAFFIC of the account as it is now


class Group(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Accounts that share one rare indicator, as one links task sees them.

    Re-sent with the members that changed since the last time; ``size`` counts all. ``renamed`` has
    what was known under another fingerprint, old to new, while ``intake.salt`` is replaced: the
    value, and organizations of members.
    """

    kind: LinkKind
    value: int  # keyed fingerprint
    time: float  # end of the window, epoch seconds
    since: float  # first use of the value by a member
    size: int
    members: list[Member]
    renamed: dict[Annotated[int, Meta(ge=0)], Annotated[int, Meta(ge=0)]] = {}


class Turnover(msgspec.Struct, frozen=True, array_like=True):
    """An account that has begun, is active, has fallen silent, or is back."""

    account_id: str
    time: float  # end of a window, or a check for silence; epoch seconds
    silent_since: float | None  # its last request, epoch seconds; None while it is active
    organization: Annotated[int, Meta(ge=0)]  # keyed fingerprint, 0 when unknown
    created_at: float | None
    first_seen: float  # epoch seconds
    day_requests: float
    active_hours: Annotated[int, Meta(ge=0, le=24)]
    traffic: TrafficBytes  # TRAFFIC of the account as it is now
    prompts: float  # as many prompts of equal weight would make as sure a mean; 0 without text
    content: ContentBytes  # mean of the prompts' content vectors, f4


class LightPrompt(msgspec.Struct, frozen=True, array_like=True):
    """A prompt of a light account, at most one an hour, with the facts of the account."""

    time: float  # end of the window, epoch seconds
    prompt: Annotated[bytes, Meta(min_length=8, max_length=8)]  # keyed fingerprint, u8
    word_cells: Annotated[bytes, Meta(min_length=WORD_BITS.itemsize, max_length=WORD_BITS.itemsize)]
    member: Member  # the account, as it would join a group with this prompt


#: A turn: a request that was answered. ``input`` is 0 unless it carries unexplained context.
TURN: Final = np.dtype(
    [
        ("time", "<f8"),  # epoch seconds
        ("input", "<u4"),  # tokens
        ("after", "<u4"),  # tokens of the request and its answer
    ]
)


class LightTurns(msgspec.Struct, frozen=True, array_like=True):
    """The turns of a window of a light account that sends context it has not produced."""

    time: float  # end of the window, epoch seconds
    turns: bytes  # TURN, a row each
    member: Member  # the account, as it would join a group with these turns


Severity = Literal["info", "warning", "critical"]
