"""What people say about findings: judgements on incidents, and suppressions before there are any.

Each is a register in a compacted topic, keyed by its id: of two states the later counts, wherever
they meet and in whatever order they are read. The detector's own results
are findings (:mod:`stream.core.findings`), never verdicts.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

from stream.core.events import MAX_ACCOUNT_BYTES

JudgementVerdict = Literal["true_positive", "false_positive", "benign", "withdrawn"]
#: What a suppression goes by: one account, a linking value, or a glob over account ids.
Matcher = Literal["account", "value", "pattern"]
#: The attributes that can link accounts, as alerts name them (see stream.core.links.LinkKind).
LinkName = Literal["system_prompt", "template", "payment", "address", "client", "phrase", "turn"]

_ALERT_ID: Final = r"^inc_[0-9a-f]{20}$"
_VALUE: Final = r"[0-9a-f]{16}"
_Time = Annotated[float, Meta(gt=0, lt=1e11)]  # epoch seconds
_Who = Annotated[str, Meta(min_length=1, max_length=128)]
_Text = Annotated[str, Meta(max_length=1000)]


class Judgement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person's verdict on one incident; ``withdrawn`` takes an earlier one back."""

    alert_id: Annotated[str, Meta(pattern=_ALERT_ID)]
    verdict: JudgementVerdict
    author: _Who
    time: _Time
    note: _Text = ""

    @property
    def key(self) -> str:
        """Return the key in the topic."""
        return self.alert_id

    @property
    def rank(self) -> tuple[float, str]:
        """Return what orders the states of one register."""
        return self.time, self.verdict  # of two at once, ``withdrawn`` is the last


class Suppression(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is not to be told of until ``expires``; ``removed`` ends it before.

    ``match`` is an account id, a value as alerts show it (``link`` says of which attribute), or a
    glob. Who removes it is the author of the removed state.
    """

    suppression_id: Annotated[str, Meta(pattern=r"^sup_[0-9a-f]{20}$")]
    by: Matcher
    match: Annotated[str, Meta(min_length=1, max_length=MAX_ACCOUNT_BYTES)]
    link: LinkName | None = None
    author: _Who
    reason: Annotated[str, Meta(min_length=1, max_length=1000)]
    time: _Time
    expires: _Time
    removed: bool = False

    def __post_init__(self) -> None:
        """Refuse what fits only each for itself: raises ValueError."""
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
        """Return what orders the states of one register."""
        return self.time, self.removed


Register = TypeVar("Register", Judgement, Suppression)


def later(known: Register | None, heard: Register) -> Register:
    """Return which of two states of a register counts."""
    return heard if known is None or heard.rank > known.rank else known
