"""What no policy and no person passes: the allow-list, two people, and how much in a day."""

from __future__ import annotations

import fnmatch
import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from stream.core.decisions import STOPPING
from stream.core.errors import DecisionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stream.core.decisions import Action, Decision, SubjectKind
    from stream.decisions.settings import DecisionSettings

_DAY_S: Final = 86400.0
_TWO: Final = 2
_GLOB: Final = re.compile(r"[*?\[]")


class GuardRails:
    """The limits of the settings as questions; holds nothing that changes."""

    def __init__(self, settings: DecisionSettings) -> None:
        """Read the allow-list once: exact ids are looked up, patterns are tried."""
        self._settings = settings
        self._exact = frozenset(one for one in settings.allow if not _GLOB.search(one))
        patterns = [fnmatch.translate(one) for one in settings.allow if _GLOB.search(one)]
        self._pattern = re.compile("|".join(patterns)) if patterns else None

    def is_allowed(self, subject_id: str) -> bool:
        """Return whether nothing is done about an id, whatever was decided."""
        if subject_id in self._exact:
            return True
        return self._pattern is not None and self._pattern.match(subject_id) is not None

    def people_needed(self, action: Action, accounts: int) -> int:
        """Return how many people approve: none where the policy itself may."""
        suspends = action == "suspend"
        if suspends and accounts > self._settings.two_people_above:
            return 2
        alone = self._settings.mode == "enforce"
        return 0 if alone and (not suspends or self._settings.suspend_without_person) else 1

    def lacks_a_person(self, approved: Decision, others: Iterable[Decision]) -> bool:
        """Return whether a suspension needs a second person: many small ones are a big one."""
        ones = [*(one for one in others if one.key != approved.key), approved]
        return approved.key in self._alone(_in_order(ones))

    def exceeding(self, decisions: Iterable[Decision]) -> frozenset[str]:
        """Return the ids of decisions that act on more than a day may have.

        In the order of their approvals: those that fit count, each account once; one that does not
        fit is left out whole. An undone one counts, because its accounts were acted on. Nor do
        suspensions by one person each act on more accounts than need two.
        """
        approved = _in_order(decisions)
        out = self._alone(approved)
        day = _Day(self._settings.max_accounts_a_day, self._settings.max_traffic_share_a_day)
        for one in approved:
            if one.key not in out and not day.takes(
                self._subjects(one), _share_of_each(one), one.approved_at or 0.0
            ):
                out.add(one.key)
        return frozenset(out)

    def _alone(self, approved: Iterable[Decision]) -> set[str]:
        """Return suspensions that lack a second person, because others of the day are as many."""
        day = _Day(self._settings.two_people_above, 1.0)
        return {
            one.key
            for one in approved
            if one.action == "suspend"
            and sum(actor.kind == "person" for actor in one.approved_by) < _TWO
            and not day.takes(self._subjects(one), 0.0, one.approved_at or 0.0)
        }

    def _subjects(self, decision: Decision) -> list[tuple[SubjectKind, str]]:
        return [subject for subject in decision.subjects if not self.is_allowed(subject[1])]

    def check(self, approved: Decision, others: Iterable[Decision]) -> None:
        """Raise DecisionError where a decision that is about to be in force would exceed a day."""
        others = [one for one in others if one.key != approved.key]
        # Clocks differ: one that comes first by its time must not put out what is in force.
        if self.exceeding([*others, approved]) - self.exceeding(others):
            share = approved.traffic_share
            of_it = f", this one {share:.1%} of its requests" if share and _stops(approved) else ""
            raise DecisionError(
                f"{approved.key}: decisions of the last 24 hours would act on more than "
                f"{self._settings.max_accounts_a_day} accounts (decisions.max_accounts_a_day) or "
                f"stop more than {self._settings.max_traffic_share_a_day:.0%} of the traffic "
                f"(decisions.max_traffic_share_a_day){of_it}, or suspend more than "
                f"{self._settings.two_people_above} by one person each "
                "(decisions.two_people_above)"
            )


class _Day:
    """What decisions of the last 24 hours act on; mutable, moves with the decisions' times."""

    def __init__(self, most: int, most_share: float) -> None:
        self._most = most
        self._most_share = most_share
        #: When each was last acted on, and its share of the traffic, oldest first.
        self._last: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()
        self._share = 0.0

    def takes(self, subjects: Sequence[tuple[str, str]], each: float, time: float) -> bool:
        """Add subjects, each with a share of the traffic that is stopped, where they fit."""
        last = self._last
        while last and next(iter(last.values()))[0] <= time - _DAY_S:
            self._share -= last.popitem(last=False)[1][1]
        known = [last.get(subject) for subject in subjects]
        if len(last) + known.count(None) > self._most:
            return False
        added = sum(max(each - (one[1] if one else 0.0), 0.0) for one in known) if each else 0.0
        # Sums of shares are exact to about 1e-12.
        if added and self._share + added > self._most_share + 1e-9:
            return False
        self._share += added
        for subject, one in zip(subjects, known, strict=True):
            if one is None:
                last[subject] = time, each
            else:
                last[subject] = time, max(each, one[1])
                last.move_to_end(subject)
        return True


def _in_order(decisions: Iterable[Decision]) -> list[Decision]:
    """Return the approved ones that gateways carry out, in the order of their approvals."""
    return sorted(
        (one for one in decisions if one.approved_at is not None and not one.simulated),
        key=lambda one: (one.approved_at or 0.0, one.key),
    )


def _share_of_each(decision: Decision) -> float:
    """Return the share of the traffic of each subject whose requests are stopped."""
    share = decision.traffic_share
    return share / max(len(decision.subjects), 1) if share and _stops(decision) else 0.0


def _stops(decision: Decision) -> bool:
    return decision.action in STOPPING
