"""People's feedback: verdicts on incidents, suppressions of incidents to come, accounts to forget.

Each kind is a table in a compacted topic, keyed by id; the last writer wins, in whatever order
records are read. What the detector finds is a finding (:mod:`stream.core.findings`), never a
verdict.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

from stream.core.events import MAX_ACCOUNT_BYTES

VerdictLabel = Literal["true_positive", "false_positive", "benign", "withdrawn"]
#: How a suppression matches: by one account, a shared value, or a glob over account ids.
Matcher = Literal["account", "value", "pattern"]
#: The attributes that can link accounts, as alerts name them (see stream.core.links.LinkKind).
LinkName = Literal[
    "system_prompt",
    "template",
    "payment",
    "address",
    "client",
    "phrase",
    "change_point",
    "conversation",
    "network",
    "succession",
    "topic",
    "customers",
    "context",
    "indicator",
]

_ALERT_ID: Final = r"^inc_[0-9a-f]{20}$"
_VALUE: Final = r"[0-9a-f]{16}"
_Time = Annotated[float, Meta(gt=0, lt=1e11)]  # epoch seconds
_Author = Annotated[str, Meta(min_length=1, max_length=128)]
_Text = Annotated[str, Meta(max_length=1000)]
_Account = Annotated[str, Meta(min_length=1, max_length=MAX_ACCOUNT_BYTES)]


class Verdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person's verdict on one incident; ``withdrawn`` takes an earlier one back."""

    alert_id: Annotated[str, Meta(pattern=_ALERT_ID)]
    label: VerdictLabel = msgspec.field(name="verdict")
    author: _Author
    time: _Time
    note: _Text = ""

    @property
    def key(self) -> str:
        """Return the key in the topic."""
        return self.alert_id

    @property
    def rank(self) -> tuple[float, str]:
        """Return what orders the states of one key: of two at once, ``withdrawn`` is the last."""
        return self.time, self.label


class Suppression(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What hides matching incidents until ``expires``; ``removed`` ends it before.

    ``match`` is an account id, a value as alerts show it (``link`` names its attribute), or a
    glob. The author of the removed state is the person who removed it.
    """

    suppression_id: Annotated[str, Meta(pattern=r"^sup_[0-9a-f]{20}$")]
    by: Matcher
    match: _Account
    link: LinkName | None = None
    author: _Author
    reason: Annotated[str, Meta(min_length=1, max_length=1000)]
    time: _Time
    expires: _Time
    removed: bool = False

    def __post_init__(self) -> None:
        """Refuse fields that do not fit together: raises ValueError."""
        if (self.by == "value") != (self.link is not None):
            raise ValueError("`link` goes with by=value, and with nothing else")
        if self.by == "value" and not re.fullmatch(_VALUE, self.match):
            raise ValueError("`match`: expected a value of 16 hex digits, as alerts have it")

    @property
    def key(self) -> str:
        """Return the key in the topic."""
        return self.suppression_id

    @property
    def rank(self) -> tuple[float, bool]:
        """Return what orders the states of one key."""
        return self.time, self.removed


class ForgetRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An account is to be forgotten as it is known up to now; on the topic of suppressions.

    It has a key of its own, and its writer removes it once the account is forgotten: it names the
    account.
    """

    forget: _Account
    time: _Time


Feedback = TypeVar("Feedback", Verdict, Suppression)


def newer(known: Feedback | None, found: Feedback) -> Feedback:
    """Return which of two records of one key counts: the last writer wins."""
    return found if known is None or found.rank > known.rank else known
