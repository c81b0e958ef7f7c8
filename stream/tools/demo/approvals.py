"""The people of the demo: they approve what is proposed, at once, by the code of the commands."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Self

from stream.core.errors import DecisionError
from stream.decisions.decision_desk import DecisionDesk
from stream.decisions.register import Reading, Register
from stream.decisions.signature import Signer, signature_of
from stream.enforcement.decision_writer import DecisionWriter
from stream.kafka.connection import client_options

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from aiokafka import ConsumerRecord

    from stream.core.decisions import Decision
    from stream.settings import Settings

#: In this order, as many as a decision needs.
PEOPLE: Final = ("ana", "bo")


class Approvals:
    """Reads the decisions topic and approves proposals."""

    def __init__(self, settings: Settings, on_approved: Callable[[Decision], None]) -> None:
        """``on_approved`` gets each decision when the brokers have its approval."""
        signer = Signer(settings.decisions.key)
        self._register = Register(signer, most=settings.decisions.max_decisions)
        self._desk = DecisionDesk(settings.decisions, self._register)
        self._writer = DecisionWriter(
            client_options(settings.kafka), topic=settings.topics.decisions, signer=signer
        )
        self._on_approved = on_approved

    async def read(self, record: ConsumerRecord) -> None:
        """Take in a record of the decisions topic; approve it if it waits for a person."""
        reading = self._register.read(record.key, record.value, signature_of(record.headers))
        known = self._register.get((record.key or b"").decode(errors="replace"))
        if reading is not Reading.NEWER or known is None or known.decision.state != "proposed":
            return
        person = PEOPLE[len(known.decision.approved_by) % len(PEOPLE)]
        try:
            approved = self._desk.approve(known.decision.key, person, time.time())
        except DecisionError:
            return  # a guard rail: it stays a proposal, and the table shows it
        await self._writer.write([approved])
        if approved.decision.state == "approved":
            self._on_approved(approved.decision)

    async def __aenter__(self) -> Self:
        """Return itself; connects at the first approval."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        await self._writer.close()
