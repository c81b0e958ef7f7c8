"""What people do with decisions, by command or on the page: each call returns states to write."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from stream.core.decisions import Actor, Reason
from stream.core.errors import DecisionError
from stream.decisions.guard_rails import GuardRails
from stream.decisions.proposal import fitting
from stream.decisions.transitions import Stored, approve, refuse, undo

if TYPE_CHECKING:
    from stream.decisions.proposal import Proposal
    from stream.decisions.register import Register
    from stream.decisions.settings import DecisionSettings

_DAY_S: Final = 86400.0


class DecisionDesk:
    """The register in people's hands, within the guard rails; raises DecisionError."""

    def __init__(self, settings: DecisionSettings, register: Register) -> None:
        """Act on what ``register`` holds."""
        self._settings = settings
        self._rails = GuardRails(settings)
        self._register = register

    def decide(
        self, decision_id: str, proposal: Proposal, person: str, time: float
    ) -> list[Stored]:
        """Propose, and approve at once where one person suffices."""
        if proposal.lasts_s > self._settings.longest_s:
            raise DecisionError(
                f"a decision lasts {self._settings.longest_s / _DAY_S:g} days at most "
                "(decisions.longest_s)"
            )
        if (most := len(fitting(proposal.accounts))) < len(proposal.accounts):
            raise DecisionError(
                f"{len(proposal.accounts):,} accounts are too many for one decision: "
                f"it has room for {most:,}"
            )
        for name in proposal.accounts or (proposal.subject.id,):
            if self._rails.is_allowed(name):
                raise DecisionError(f"{name} is on the allow-list (decisions.allow)")
        people = self._rails.people_needed(proposal.action, len(proposal.accounts) or 1)
        first = proposal.state(
            decision_id,
            _person(person),
            time,
            waits_s=self._settings.proposal_s,
            people_needed=max(people, 1),
            simulated=self._settings.mode == "observe",
        )
        proposed = Stored.of(first)
        return [proposed, self._approved(proposed, person, time)]

    def approve(self, decision_id: str, person: str, time: float, *, note: str = "") -> Stored:
        """Approve a proposal; another person may be needed, too."""
        return self._approved(self._known(decision_id), person, time, note)

    def refuse(self, decision_id: str, person: str, time: float, *, note: str) -> Stored:
        """Refuse a proposal."""
        return refuse(self._known(decision_id), _person(person, note), time, note=note)

    def undo(self, decision_id: str, person: str, time: float, *, note: str) -> Stored:
        """End a decision before its time."""
        return undo(self._known(decision_id), _person(person, note), time, note=note)

    def _approved(self, known: Stored, person: str, time: float, note: str = "") -> Stored:
        simulated = self._settings.mode == "observe"
        others = [one.decision for one in self._register.states]
        approval = partial(
            approve,
            known,
            _person(person, note),
            time,
            simulated=simulated,
            note=note,
            longest_s=self._settings.longest_s,
        )
        approved = approval()
        if self._rails.lacks_a_person(approved.decision, others):
            approved = approval(people_needed=2)
        self._rails.check(approved.decision, others)
        return approved

    def _known(self, decision_id: str) -> Stored:
        found = self._register.get(decision_id)
        if found is None:
            raise DecisionError(f"{decision_id}: there is no such decision")
        return found


def _person(name: str, note: str = "") -> Actor:
    """Return who acts; raises DecisionError where no reader would take the name or the reason."""
    try:
        msgspec.json.encode((name, note))
        msgspec.convert({"note": note}, Reason)
        return msgspec.convert({"kind": "person", "name": name}, Actor)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise DecisionError(f"the name or the reason cannot be kept: {error}") from error
