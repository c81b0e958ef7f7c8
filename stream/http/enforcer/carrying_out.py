"""Decides what a gateway does with one request: the decisions in force, throttles, fail closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from stream.decisions.throttles import Throttles, retry_after
from stream.decisions.treatment import AS_EVERYONE, TreatmentDefaults, treatment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stream.core.decisions import SubjectKind
    from stream.decisions.treatment import Treatment
    from stream.enforcement.decision_feed import DecisionFeed
    from stream.http.enforcer.settings import EnforcerSettings

Answer = Literal["passed", "changed", "throttled", "refused", "simulated"]


@dataclass(frozen=True, slots=True)
class Handling:
    """What a gateway does with a request; ``retry_after`` in seconds goes with throttled."""

    answer: Answer
    treatment: Treatment = AS_EVERYONE
    retry_after: str = ""


PASSED: Final = Handling("passed")


class CarryingOut:
    """Answers from memory. ``defaults``: limits of decisions that name none."""

    def __init__(
        self,
        settings: EnforcerSettings,
        feed: DecisionFeed,
        *,
        observing: bool,
        clock: Callable[[], float],
    ) -> None:
        """``observing``: every decision is counted only; ``clock`` gives epoch seconds."""
        self._settings = settings
        self._feed = feed
        self.observing = observing
        self._clock = clock
        self._throttles = Throttles(most=settings.max_throttled)
        self.defaults = TreatmentDefaults(
            requests_per_minute=settings.requests_per_minute,
            model=settings.model,
            instruction=settings.instruction,
        )

    def outcome(self, subjects: Sequence[tuple[SubjectKind, str]]) -> Handling:
        """Return what happens to a request of a caller with these ids; throttles count it."""
        if self._settings.fail_closed and self._feed.age_s > self._settings.stale_after_s:
            return Handling("refused")
        now = self._clock()
        decisions = self._feed.in_force.about(subjects, now)
        found = treatment(decisions, self.defaults, observing=self.observing)
        if found.refused:
            return Handling("refused", found)
        if found.requests_per_minute is not None:
            throttled = self._throttled(subjects)
            wait_s = self._throttles.wait_s(throttled, found.requests_per_minute, now)
            if wait_s:
                return Handling("throttled", found, retry_after(wait_s))
        if found.tier is not None:
            return Handling("changed", found)
        return Handling("simulated" if found.simulated else "passed", found)

    def _throttled(self, subjects: Sequence[tuple[SubjectKind, str]]) -> str:
        """Return the id that a throttle is about: another one may change with every request."""
        by_subject = self._feed.in_force.by_subject
        return next(
            f"{kind} {name}"
            for kind, name in subjects
            if any(one.action == "throttle" for one in by_subject.get((kind, name), ()))
        )
