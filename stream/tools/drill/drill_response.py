"""From a drill's alert to a decision that enforcers have, and back.

The keeper proposes for a drill as for any campaign, marked ``drill`` and simulated: enforcers have
the decision, show it, and carry nothing out. It is about accounts that exist in no gateway. The
drill approves in people's place and undoes all of its decisions at the end, also when it is
interrupted; what a killed one leaves behind ends after a quarter of an hour.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Final, Self

import aiohttp
from aiokafka import AIOKafkaConsumer

from stream.core.decisions import ENDED
from stream.core.errors import DecisionError
from stream.decisions.decision_desk import DecisionDesk
from stream.decisions.register import Register
from stream.decisions.signature import Signer, signature_of
from stream.decisions.transitions import in_force
from stream.enforcement.decision_writer import DecisionWriter
from stream.kafka.connection import client_options
from stream.tools.drill.enforcer_probe import EnforcerProbe
from stream.tools.drill.report import LinkReport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from types import TracebackType

    from stream.decisions.transitions import Stored
    from stream.settings import Settings

#: In people's place, as many as a decision needs.
AUTHORS: Final = ("drill", "drill, second person")
#: Longest wait for one link, seconds (assumed: each takes a second or two).
_WITHIN_S: Final = 30.0
_PAUSE_S: Final = 0.1
_POLL_MS: Final = 100


class DrillResponse:
    """Enter it, and :meth:`begin` when the alert has come; :attr:`is_over` when all is known."""

    def __init__(
        self, settings: Settings, planted: Iterable[str], *, enforcers: Iterable[str]
    ) -> None:
        """``enforcers`` are their addresses. Raises SettingsError without a key."""
        self._rules = settings.decisions.rules
        self._planted = frozenset(planted)
        signer = Signer(settings.decisions.key)
        self._register = Register(signer, most=settings.decisions.max_decisions)
        self._desk = DecisionDesk(settings.decisions, self._register)
        connection = client_options(settings.kafka)
        topic = settings.topics.decisions
        self._writer = DecisionWriter(connection, topic=topic, signer=signer)
        self._consumer = AIOKafkaConsumer(
            topic, **connection, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        self._session = aiohttp.ClientSession()
        self._probes = [EnforcerProbe(self._session, url, settings.enforcer) for url in enforcers]
        self._account = ""  # one that a decision is about
        self._holding: list[EnforcerProbe] = []
        self._task: asyncio.Task[None] | None = None
        self._links: list[LinkReport] = []
        self._current: LinkReport | None = None

    async def __aenter__(self) -> Self:
        """Connect to the decisions topic."""
        await self._consumer.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Undo what the drill has left, and close all connections."""
        try:
            if self._task is not None:
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)
            await self._undo()
        finally:
            await self._session.close()
            await self._writer.close()
            await self._consumer.stop()

    def begin(self) -> None:
        """Follow the chain from the alert on, in the background."""
        self._task = asyncio.create_task(self._run())

    @property
    def links(self) -> list[LinkReport]:
        """Return the links so far, the current one last."""
        return [*self._links, *([self._current] if self._current else [])]

    @property
    def is_over(self) -> bool:
        """Return whether all links are known; raises what has ended it early."""
        if self._task is None or not self._task.done():
            return False
        self._task.result()
        return True

    async def _run(self) -> None:
        if not (
            await self._link("proposal", self._proposed)
            and await self._link("approval", self._approved)
        ):
            return
        for probe in self._probes:
            await self._link(f"enforcer {probe.url}", partial(self._held, probe))
        await self._link("undo", self._undone)

    async def _link(self, name: str, check: Callable[[], Awaitable[tuple[str, str]]]) -> bool:
        """Repeat ``check``, which returns result and trouble, until there is no trouble."""
        started = time.monotonic()
        trouble = "it was not known yet when --timeout was over"
        self._current = LinkReport(name=name, result="waiting", after_s=0.0, broken=trouble)
        while True:
            result, trouble = await check()
            after_s = time.monotonic() - started
            self._current = LinkReport(
                name=name, result=result, after_s=round(after_s, 2), broken=trouble or None
            )
            if not trouble or after_s > _WITHIN_S:
                self._links.append(self._current)
                self._current = None
                return not trouble
            await asyncio.sleep(_PAUSE_S)

    async def _proposed(self) -> tuple[str, str]:
        for one in (stored.decision for stored in await self._open()):
            return f"{one.action}, {len(one.accounts)} accounts, {one.key}", ""
        if not any(rule.kind == "campaign" for rule in self._rules):
            return "none", "decisions.rules has no rule for campaigns: nothing is proposed"
        return "none", (
            "no proposal came: have the workers this decisions.key? one of them keeps decisions "
            "(decision_audit_entries)"
        )

    async def _approved(self) -> tuple[str, str]:
        trouble = "the proposal has ended: `distillwatch decisions --all` shows who ended it"
        for stored in await self._open():
            decision = stored.decision
            if in_force(decision, time.time()):
                self._account = decision.accounts[0]
                return f"by {', '.join(one.name for one in decision.approved_by)}", ""
            author = AUTHORS[len(decision.approved_by) % len(AUTHORS)]
            try:
                approved = self._desk.approve(decision.key, author, time.time())
            except DecisionError as error:
                return "none", str(error)
            await self._writer.write([approved])
            trouble = f"{decision.key} was approved, and the topic does not have it"
        return "none", trouble

    async def _held(self, probe: EnforcerProbe) -> tuple[str, str]:
        trouble = await probe.trouble(self._account, held=True)
        if trouble:
            return "broken", trouble
        self._holding.append(probe)
        return "has it, carries nothing out", ""

    async def _undone(self) -> tuple[str, str]:
        if await self._undo():
            return "waiting", "the decisions topic does not have the end of the drill's decisions"
        for probe in self._holding:
            if trouble := await probe.trouble(self._account, held=False):
                return "broken", trouble
        return "undone everywhere", ""

    async def _undo(self) -> bool:
        """Undo what is not ended; return whether there was something."""
        states = [
            self._desk.undo(one.decision.key, AUTHORS[0], time.time(), note="the drill is over")
            for one in await self._open()
        ]
        await self._writer.write(states)
        return bool(states)

    async def _open(self) -> list[Stored]:
        """Return the drill's decisions that have not ended, after reading what is new."""
        for records in (await self._consumer.getmany(timeout_ms=_POLL_MS)).values():
            for record in records:
                self._register.read(record.key, record.value, signature_of(record.headers))
        return [
            one
            for one in self._register.states
            if one.decision.drill
            and one.decision.state not in ENDED
            and self._planted.issuperset(one.decision.accounts or [one.decision.subject.id])
        ]
