"""Why an incident that goes on is not told of, and what the reasons are found by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.core.feedback import Matcher
    from stream.core.findings import Evidence

#: A linking value, as clusters know it: kind and fingerprint.
ValueId = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Quiet:
    """The reason: a verdict, or the matcher of a suppression; and what to say of it."""

    by: Literal["verdict"] | Matcher
    summary: str


def shares(evidence: Iterable[Evidence]) -> dict[str, float]:
    """Return what each feature contributed."""
    return {piece.feature: piece.contribution for piece in evidence}
