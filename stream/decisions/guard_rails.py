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

    from stream.core.decisions import Action, Decision
    from stream.decisions.settings import DecisionSettings

_DAY_S: Final = 86400.0
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

    def exceeding(self, decisions: Iterable[Decision]) -> frozenset[str]:
        """Return the ids of decisions that act on more than a day may have.

        In the order of their approvals: those that fit count, each account once; one that does not
        fit is left out whole. An undone one counts, because its accounts were acted on.
        """
        approved = sorted(
            (one for one in decisions if one.approved_at is not None and not one.simulated),
            key=lambda one: (one.approved_at or 0.0, one.key),
        )
        day = _Day(self._settings)
        out = []
        for one in approved:
            subjects = [subject for subject in one.subjects if not self.is_allowed(subject[1])]
            if not day.takes(subjects, _share_of_each(one), one.approved_at or 0.0):
                out.append(one.key)
        return frozenset(out)

    def check(self, approved: Decision, others: Iterable[Decision]) -> None:
        """Raise DecisionError where a decision that is about to be in force would exceed a day."""
        others = [one for one in others if one.key != approved.key]
        if approved.key in self.exceeding([*others, approved]):
            share = approved.traffic_share
            of_it = f", this one {share:.1%} of its requests" if share and _stops(approved) else ""
            raise DecisionError(
                f"{approved.key}: decisions of the last 24 hours would act on more than "
                f"{self._settings.max_accounts_a_day} accounts (decisions.max_accounts_a_day) or "
                f"stop more than {self._settings.max_traffic_share_a_day:.0%} of the traffic "
                f"(decisions.max_traffic_share_a_day){of_it}"
            )


class _Day:
    """What decisions of the last 24 hours act on; mutable, moves with the decisions' times."""

    def __init__(self, settings: DecisionSettings) -> None:
        self._most = settings.max_accounts_a_day
        self._most_share = settings.max_traffic_share_a_day
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


def _share_of_each(decision: Decision) -> float:
    """Return the share of the traffic of each subject whose requests are stopped."""
    share = decision.traffic_share
    return share / max(len(decision.subjects), 1) if share and _stops(decision) else 0.0


def _stops(decision: Decision) -> bool:
    return decision.action in STOPPING
