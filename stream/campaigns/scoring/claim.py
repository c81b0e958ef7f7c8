"""What a row of the score's table is made of; the rows themselves are in table.py.

A claim turns one statistic of a cluster into log odds (natural logarithm) of "campaign" against
"harmless", along a monotone piecewise linear curve that ends flat on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum


class Axis(Enum):
    """On which scale of the statistic a curve is linear."""

    LINEAR = "x"
    LOG = "ln x"
    LOG1P = "ln(1 + x)"


class Aspect(StrEnum):
    """A trait or behaviour of accounts; among benign accounts the aspects are independent."""

    NEWNESS = "newness"
    PAYMENTS = "payments"
    PACE = "pace"
    IDLENESS = "idleness"
    CO_OCCURRENCE = "co-occurrence"
    LIST = "one list of items"
    CO_LOCATION = "co-location"
    BURST = "burst"
    CHANGE_POINT = "change point"
    HANDOVER = "conversation hand-over"
    SUCCESSION = "succession"
    TOPIC = "one narrow topic"
    CUSTOMERS = "customers"


class LinkBasis(StrEnum):
    """What a cluster's accounts are linked by; it decides the prior."""

    PHRASES = "phrases alone"
    TOPIC = "one topic alone"
    CUSTOMERS = "many customers behind each alone"
    CONTEXT = "contexts alone"
    CONTENT = "content alone"
    OTHER = "other links"


@dataclass(frozen=True, slots=True)
class Curve:
    """A function of one statistic: knots (statistic, result) in ascending order."""

    statistic: str
    knots: tuple[tuple[float, float], ...]
    axis: Axis = Axis.LINEAR


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One row: what a statistic adds to the log odds, and where its numbers come from."""

    #: Name of the evidence in alerts; two rows of one name measure the same thing in two ways.
    name: str
    curve: Curve
    #: "measured ...", "cited ..." or "assumed ...".
    source: str
    #: Aspect that the decision rule counts it for; None: it never counts as an aspect.
    aspect: Aspect | None
    #: Evidence group: claims on the same observations, only the strongest of which counts. Empty:
    #: a group of its own.
    group: str = ""
    #: The log odds are at most this.
    limit: Curve | None = None
    #: The log odds are multiplied by this, 0 to 1.
    reliability: Curve | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A number with its source: "measured ...", "cited ..." or "assumed ..."."""

    value: float
    source: str
