"""Counts what one run of an enforcer does under each decision, until it is reported.

Counts only grow, so that a report may be lost, repeated or overtaken by a later one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from stream.core.effects import MAX_REQUESTS, EffectKind, EffectReport

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from stream.core.decisions import Decision

#: The gateway of a report that means only that the decision is held.
HELD: Final = ""
_FIELDS: Final[dict[EffectKind, str]] = {
    "refused": "refused_requests",
    "slowed": "slowed_requests",
    "changed": "changed_requests",
    "simulated": "simulated_requests",
}
#: Effects under which a request was not answered.
_STOPPED: Final = frozenset[EffectKind]({"refused", "slowed"})
_Key = tuple[str, str]  # decision and gateway


class _Tally(msgspec.Struct):
    counts: dict[EffectKind, int]
    first_refused_at: float | None = None


class Tallies:
    """Tallies by decision and gateway; mutable, no clock of its own.

    Decisions that have ended are kept for reports that come later; beyond ``most`` tallies they
    are forgotten, and counts of new ones are not taken.
    """

    def __init__(self, *, enforcer: str, run: str, most: int) -> None:
        """Start at zero; ``run`` is drawn for each start, 16 hex digits."""
        self._enforcer, self._run = enforcer, run
        self._most = most
        self._held: dict[str, tuple[float, bool]] = {}  # since when, and whether simulated
        self._tallies: dict[_Key, _Tally] = {}
        self._changed: dict[_Key, None] = {}  # in the order of their changes

    def __len__(self) -> int:
        """Return the number of tallies."""
        return len(self._tallies)

    def hold(self, decisions: Iterable[Decision], time: float, *, observing: bool) -> None:
        """Note which decisions are in force from now on; ``observing``: none is carried out."""
        for one in decisions:
            if one.key not in self._held:
                self._held[one.key] = time, one.simulated or observing
                self._tallies[one.key, HELD] = _Tally({})
                self._changed[one.key, HELD] = None

    def forget(self, in_force: Collection[str]) -> None:
        """Where there are too many, forget those that have ended and whose reports are written."""
        if len(self._tallies) <= self._most:
            return
        kept = {*in_force, *(name for name, _ in self._changed)}
        self._held = {name: held for name, held in self._held.items() if name in kept}
        self._tallies = {key: one for key, one in self._tallies.items() if key[0] in kept}

    def count(
        self, gateway: str, decision_id: str, kind: EffectKind, number: int, time: float
    ) -> bool:
        """Count requests; false: the decision is not known, or there are too many tallies."""
        key = decision_id, gateway
        tally = self._tallies.get(key)
        if not number:
            return decision_id in self._held
        if tally is None:
            if decision_id not in self._held or len(self._tallies) >= self._most:
                return False
            tally = self._tallies[key] = _Tally({})
        tally.counts[kind] = min(tally.counts.get(kind, 0) + number, MAX_REQUESTS // len(_FIELDS))
        if tally.first_refused_at is None and kind in _STOPPED:
            tally.first_refused_at = time
        self._changed[key] = None
        return True

    def take(self, most: int) -> list[EffectReport]:
        """Return reports of changed tallies, at most ``most``, and take them for written."""
        keys = [key for key, _ in zip(self._changed, range(most), strict=False)]
        for key in keys:
            del self._changed[key]
        return [self._report(key) for key in keys if key in self._tallies]

    def put_back(self, reports: Iterable[EffectReport]) -> None:
        """Take reports for not written after all."""
        for one in reports:
            self._changed[one.decision_id, one.gateway] = None

    def _report(self, key: _Key) -> EffectReport:
        decision_id, gateway = key
        held_at, simulated = self._held[decision_id]
        tally = self._tallies[key]
        return EffectReport(
            decision_id=decision_id,
            enforcer=self._enforcer,
            run=self._run,
            gateway=gateway,
            held_at=held_at,
            simulated=simulated,
            first_refused_at=tally.first_refused_at,
            **{_FIELDS[kind]: number for kind, number in tally.counts.items()},
        )
