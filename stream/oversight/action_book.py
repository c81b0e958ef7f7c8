"""Decisions, what came of them, and people's verdicts, as a report needs them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec

from stream.core.feedback import Verdict, newer
from stream.decisions.effect_book import EffectBook
from stream.decisions.register import SUSPICIOUS, Register

if TYPE_CHECKING:
    from stream.core.decisions import Decision
    from stream.decisions.signature import Signer
    from stream.oversight.record import TopicRecord

#: Verdicts that are read, one an incident; as many as the incidents of a report (assumed).
MOST_VERDICTS: Final = 100_000
#: Assumed: names and notes are bounded, so a larger record is no verdict.
_MOST_VERDICT_BYTES: Final = 16_384

_verdict = msgspec.json.Decoder(Verdict).decode


class ActionBook:
    """Takes in records of decisions, effects and verdicts, in any order; mutable."""

    def __init__(
        self,
        decisions: Signer | None,
        effects: Signer | None,
        *,
        most_decisions: int,
        most_effects: int,
    ) -> None:
        """Without signers no record of decisions or effects is taken in."""
        self._register = None if decisions is None else Register(decisions, most=most_decisions)
        self._effects = None if effects is None else EffectBook(effects, most=most_effects)
        self.verdicts: dict[str, Verdict] = {}
        self.read: Counter[str] = Counter()  # by topic
        self.damaged: Counter[str] = Counter()
        self.newest: float | None = None  # of the records that count, epoch seconds

    @property
    def signed(self) -> bool:
        """Return whether decisions could be read at all."""
        return self._register is not None

    @property
    def decisions(self) -> list[Decision]:
        """Return the latest state of each decision, without those of drills, by id."""
        states = () if self._register is None else self._register.states
        found = [one.decision for one in states if not one.decision.drill]
        return sorted(found, key=lambda decision: decision.key)

    @property
    def effects(self) -> EffectBook | None:
        """Return what enforcers have reported."""
        return self._effects

    @property
    def dropped(self) -> int:
        """Return how many decisions and reports of effects were beyond what is kept."""
        dropped = 0 if self._register is None else self._register.dropped.total()
        return dropped + (0 if self._effects is None else self._effects.dropped)

    def acted_at(self) -> dict[str, float]:
        """Return incident -> when an enforcer first held a decision that changes requests."""
        found: dict[str, float] = {}
        for decision in self.decisions:
            held = self.held_at(decision)
            if held is not None and decision.action != "watch" and decision.reason.alert_id:
                name = decision.reason.alert_id
                found[name] = min(held, found.get(name, held))
        return found

    def held_at(self, decision: Decision) -> float | None:
        """Return when an enforcer first held a decision, None: none has, or it is simulated."""
        applied = [] if self._effects is None else self._effects.applied(decision)
        return applied[0].at if applied else None

    def take_decision(self, record: TopicRecord) -> None:
        """Take in a record of the decisions topic."""
        if self._register is not None:
            self._note("decisions", record, self._register.read(*record[1:]) in SUSPICIOUS)

    def take_effect(self, record: TopicRecord) -> None:
        """Take in a record of the effects topic."""
        if self._effects is not None:
            self._note("effects", record, self._effects.read(*record[1:]) in SUSPICIOUS)

    def take_verdict(self, record: TopicRecord) -> None:
        """Take in a record of the verdicts topic; beyond the bound it counts as damaged."""
        found = _verdict_in(record.value)
        if found is not None:
            known = self.verdicts.get(found.key)
            if known is None and len(self.verdicts) >= MOST_VERDICTS:
                found = None
            else:
                self.verdicts[found.key] = newer(known, found)
        self._note("verdicts", record, found is None)

    def _note(self, topic: str, record: TopicRecord, damaged: bool) -> None:  # noqa: FBT001 - one caller each
        self.read[topic] += 1
        self.damaged[topic] += damaged
        if not damaged:
            self.newest = max(record.written_at, self.newest or record.written_at)


def _verdict_in(value: bytes | None) -> Verdict | None:
    if not value or len(value) > _MOST_VERDICT_BYTES:
        return None
    try:
        return _verdict(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
