"""What no policy and no person passes: the allow-list, two people, and accounts a day."""

from __future__ import annotations

import fnmatch
import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from stream.core.errors import DecisionError

if TYPE_CHECKING:
    from collections.abc import Iterable

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
        """Return the ids of decisions that act on more accounts than a day may have.

        In the order of their approvals: those that fit count, each account once; one that does not
        fit is left out whole. An undone one counts, because its accounts were acted on.
        """
        most = self._settings.max_accounts_a_day
        approved = sorted(
            (one for one in decisions if one.approved_at is not None and not one.simulated),
            key=lambda one: (one.approved_at or 0.0, one.key),
        )
        last: OrderedDict[tuple[str, str], float] = OrderedDict()  # when it was last acted on
        out = []
        for one in approved:
            now = one.approved_at or 0.0
            while last and next(iter(last.values())) <= now - _DAY_S:
                last.popitem(last=False)
            subjects = [subject for subject in one.subjects if not self.is_allowed(subject[1])]
            if len(last) + sum(subject not in last for subject in subjects) > most:
                out.append(one.key)
                continue
            for subject in subjects:
                last[subject] = now
                last.move_to_end(subject)
        return frozenset(out)

    def check(self, approved: Decision, others: Iterable[Decision]) -> None:
        """Raise DecisionError where a decision that is about to be in force would exceed a day."""
        others = [one for one in others if one.key != approved.key]
        if approved.key in self.exceeding([*others, approved]):
            raise DecisionError(
                f"{approved.key}: decisions of the last 24 hours would act on more than "
                f"{self._settings.max_accounts_a_day} accounts (decisions.max_accounts_a_day)"
            )
