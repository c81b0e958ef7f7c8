"""Which decisions the page lists, and in which order; each list is made once, when it is needed."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from heapq import nsmallest
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, get_args

from stream.core.decisions import ENDED, IN_FORCE, DecisionState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stream.core.decisions import Decision
    from stream.decisions.guard_rails import GuardRails

#: Decisions of one list; the others are counted.
MAX_ROWS: Final = 100
#: Lists of incidents that are kept until a decision changes.
MAX_LISTS: Final = 64
Ended = Literal["ended", "expired", "undone", "refused"]
ENDED_LISTS: Final[tuple[Ended, ...]] = get_args(Ended)


class DecisionList(NamedTuple):
    """Some decisions, and the number of all."""

    shown: list[Decision]
    total: int


class DecisionLists:
    """Lists of one state of the register."""

    def __init__(self, decisions: Sequence[Decision], rails: GuardRails) -> None:
        """Take all decisions; ``rails`` know which of them no gateway carries out."""
        self._all = decisions
        self._rails = rails
        self.counts = Counter[DecisionState](one.state for one in decisions)
        self._made: dict[str, DecisionList] = {}

    @cached_property
    def held_back(self) -> frozenset[str]:
        """Return the ids of decisions that exceed the accounts of a day."""
        return self._rails.exceeding(self._all)

    def waiting(self) -> DecisionList:
        """Return the proposals, oldest first."""
        return self._list("proposed", lambda one: one.state == "proposed", _oldest_first)

    def in_force(self) -> DecisionList:
        """Return what is approved and has not ended, the latest first."""
        return self._list("in force", lambda one: one.state in IN_FORCE, _latest_first)

    def ended(self, name: Ended) -> DecisionList:
        """Return what has ended, or ended in one way, the latest first."""
        states = ENDED if name == "ended" else {name}
        return self._list(name, lambda one: one.state in states, _latest_first)

    def about(self, alert_id: str) -> DecisionList:
        """Return the decisions about an incident: those that wait first, then the latest."""
        return self._list(alert_id, lambda one: one.reason.alert_id == alert_id, _urgent_first)

    def _list(
        self,
        name: str,
        belongs: Callable[[Decision], bool],
        order: Callable[[Decision], tuple[float, ...]],
    ) -> DecisionList:
        if name not in self._made:
            if len(self._made) >= MAX_LISTS:
                self._made.clear()
            found = [one for one in self._all if belongs(one)]
            shown = nsmallest(MAX_ROWS, found, key=lambda one: (order(one), one.key))
            self._made[name] = DecisionList(shown, len(found))
        return self._made[name]


def _oldest_first(decision: Decision) -> tuple[float, ...]:
    return (decision.proposed_at,)


def _latest_first(decision: Decision) -> tuple[float, ...]:
    return (-decision.time,)


def _urgent_first(decision: Decision) -> tuple[float, ...]:
    return (
        0 if decision.state == "proposed" else 1 if decision.state in IN_FORCE else 2
    ), -decision.time
