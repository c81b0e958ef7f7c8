"""The alarms of any detector in one form, and the protocol of detectors measured beside ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from stream.tools.report.outcome import Alarm

__all__ = ["Alarm", "Baseline", "Curves"]

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.intake.codec.event import RequestEvent


class Baseline(Protocol):
    """A detector that reads the same events in the same order."""

    name: str
    needs_text: bool

    def observe(self, events: Sequence[RequestEvent]) -> None:
        """Add decoded events, in time order."""

    def alarms(self) -> list[Alarm]:
        """Return all alarms so far, in time order."""


class Curves(msgspec.Struct, frozen=True, kw_only=True):
    """What the plots of a scenario need; times in hours since the start."""

    #: Highest score of an hour by (attack | benign): lists of (hour, score).
    scores: dict[str, list[tuple[int, float]]] = {}
    #: (recall, precision) over thresholds from high to low.
    precision_recall: list[tuple[float, float]] = []
    #: (hours since the campaign began, share of its tokens that has left).
    leaked: list[tuple[float, float]] = []
