"""Decisions to mark, as a trace needs them: which words accounts were given, and from when on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from stream.core.decisions import ENDED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.decisions import Decision, SubjectKind


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryDecisions:
    """Signed decisions that have a canary; ``missing``: why none could be read."""

    decisions: Sequence[Decision] = ()
    sha256: str = ""  # of the states, in whatever order they were read
    suspicious: int = 0  # records that are not signed, forged or damaged
    missing: str = ""


class UsedCanary(NamedTuple):
    """The word of a decision; times are epoch seconds."""

    word: str
    decision_id: str
    alert_id: str
    state: str
    #: From its approval on; None: no model was ever given it.
    first_use: float | None
    ended: float | None


class CanarySubject(NamedTuple):
    """Who was marked, by all decisions, the earliest first."""

    kind: SubjectKind
    id: str
    accounts: int
    canaries: tuple[UsedCanary, ...]


def canary_subjects(decisions: Sequence[Decision]) -> list[CanarySubject]:
    """Return the subjects of decisions with a canary, without drills, by kind and id."""
    of: dict[tuple[SubjectKind, str], list[Decision]] = {}
    for one in decisions:
        if one.limits.canary and not one.drill:
            of.setdefault((one.subject.kind, one.subject.id), []).append(one)
    return [
        CanarySubject(
            kind,
            name,
            len({subject for one in ones for subject in one.subjects}),
            tuple(map(_used, sorted(ones, key=lambda one: (one.proposed_at, one.key)))),
        )
        for (kind, name), ones in sorted(of.items())
    ]


def _used(one: Decision) -> UsedCanary:
    return UsedCanary(
        one.limits.canary or "",
        one.key,
        one.reason.alert_id,
        one.state,
        None if one.simulated else one.approved_at,
        one.time if one.state in ENDED else None,
    )
