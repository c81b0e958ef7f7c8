"""What any detector says, in one form, and the protocol of those that are measured beside ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.intake.codec.event import RequestEvent


class Alarm(NamedTuple):
    """An alert: who is accused now, in which incident; members stay accused while it goes on."""

    time: float  # event time, epoch seconds
    incident: str
    kind: Literal["account", "campaign"]
    accounts: Sequence[str]


class Baseline(Protocol):
    """A detector that reads the same events in the same order."""

    name: str
    needs_text: bool

    def observe(self, events: Sequence[RequestEvent]) -> None:
        """Take in decoded events, in time order."""

    def alarms(self) -> list[Alarm]:
        """Return everything said so far, in time order."""


class Curves(msgspec.Struct, frozen=True, kw_only=True):
    """What the plots of a scenario need; times in hours since the start."""

    #: Highest score of an hour by (attack | benign): lists of (hour, score).
    scores: dict[str, list[tuple[int, float]]] = {}
    #: (recall, precision) over thresholds from high to low.
    precision_recall: list[tuple[float, float]] = []
    #: (hours since the campaign began, share of its tokens that has left).
    leaked: list[tuple[float, float]] = []
