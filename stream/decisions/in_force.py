"""The decisions in force, by subject: one immutable table, made again when a decision changes."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from stream.decisions.transitions import in_force

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stream.core.decisions import Decision, SubjectKind
    from stream.decisions.guard_rails import GuardRails
    from stream.decisions.register import Register


@dataclass(frozen=True, slots=True)
class InForce:
    """Decisions that gateways carry out, and those that guard rails keep from it."""

    by_subject: Mapping[tuple[SubjectKind, str], tuple[Decision, ...]]
    held_back: frozenset[str]  # ids of decisions that exceed the accounts of a day
    next_end: float  # epoch seconds, when the first of these ends
    decisions: Mapping[str, Decision] = field(default_factory=dict)  # by id

    @classmethod
    def of(cls, register: Register, rails: GuardRails, time: float) -> InForce:
        """Return the table of a time (epoch seconds); of one subject the strongest is first."""
        decisions = [one.decision for one in register.states]
        held_back = rails.exceeding(decisions)
        found: dict[tuple[SubjectKind, str], list[Decision]] = defaultdict(list)
        carried: dict[str, Decision] = {}
        next_end = math.inf
        for decision in decisions:
            if not in_force(decision, time) or decision.key in held_back:
                continue
            next_end = min(next_end, decision.until)
            subjects = [one for one in decision.subjects if not rails.is_allowed(one[1])]
            if subjects:
                carried[decision.key] = decision
            for subject in subjects:
                found[subject].append(decision)
        ordered = {subject: _ordered(ones) for subject, ones in found.items()}
        return cls(ordered, held_back, next_end, carried)

    def about(
        self, subjects: Iterable[tuple[SubjectKind, str]], time: float
    ) -> tuple[Decision, ...]:
        """Return what is in force at ``time`` about a caller with these ids, strongest first."""
        found = [
            one
            for subject in subjects
            for one in self.by_subject.get(subject, ())
            if one.until > time
        ]
        if len(found) < 2:  # noqa: PLR2004 - nothing to order
            return tuple(found)
        return tuple(sorted({one.key: one for one in found}.values(), key=_order))


NOTHING: Final = InForce({}, frozenset(), math.inf)


def _ordered(decisions: list[Decision]) -> tuple[Decision, ...]:
    """Return decisions about one subject, strongest first: mostly there is one."""
    return tuple(sorted(decisions, key=_order) if len(decisions) > 1 else decisions)


def _order(decision: Decision) -> tuple[int, float, str]:
    return -decision.strength, -decision.until, decision.key
