"""The decisions of the page: read from their topics, and changed by people as by command.

Every worker reads decisions and effects whole. A change counts once its own record has been read
back: only then it is known that no other person was faster.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Final

from aiokafka.errors import KafkaError

from stream.core.errors import BrokerError, DecisionError
from stream.decisions.decision_desk import DecisionDesk
from stream.decisions.effect_book import EffectBook
from stream.decisions.guard_rails import GuardRails
from stream.decisions.signature import EFFECTS, Signer, digest
from stream.enforcement.decision_reader import DecisionReader
from stream.http.page.decision_lists import DecisionLists

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stream.core.decisions import Decision
    from stream.core.effects import FollowedDecision
    from stream.decisions.settings import DecisionSettings
    from stream.decisions.transitions import Stored
    from stream.delivery.metrics import DeliveryMetrics
    from stream.enforcement.decision_writer import DecisionWriter
    from stream.kafka.settings import TopicSettings

_LOG = logging.getLogger("stream.http.page.decision_board")
NAME: Final = "page-decisions"
#: To write a state and read it back; shorter than the supervisor waits for a process.
_WITHIN_S: Final = 10.0
#: Estimates grow with time: the page gets them again as often.
_ESTIMATE_S: Final = 10.0
#: Brokers that have not answered for this long are away; idle ones answer twice a second.
_STALE_S: Final = 15.0


class DecisionBoard(DecisionReader):
    """``start`` and ``stop`` it beside the worker."""

    def __init__(
        self,
        settings: DecisionSettings,
        *,
        topics: TopicSettings,
        writer: DecisionWriter,
        connection: Mapping[str, Any],
        exact: bool,
        metrics: DeliveryMetrics,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``writer`` writes decisions and is closed here; ``connection`` goes to aiokafka."""
        self._effects = EffectBook(Signer(settings.key, EFFECTS), most=settings.max_effects)
        super().__init__(
            settings,
            name=NAME,
            topic=topics.decisions,
            others={topics.effects: self._effects.read},
            connection=connection,
            exact=exact,
            metrics=metrics,
            clock=clock,
        )
        self.mode = settings.mode
        self._desk = DecisionDesk(settings, self.register)
        self._rails = GuardRails(settings)
        self._writer = writer
        self._lists: DecisionLists | None = None

    @property
    def lists(self) -> DecisionLists:
        """Return what there is to show; made again after a change."""
        if self._lists is None:
            decisions = [one.decision for one in self.register.states]
            self._lists = DecisionLists(decisions, self._rails)
        return self._lists

    def followed(self, decision: Decision) -> FollowedDecision:
        """Return a decision with what has come of it so far; a new estimate every ten seconds."""
        now = self._clock()
        return self._effects.followed(decision, now - now % _ESTIMATE_S)

    @property
    def stale_since_s(self) -> float | None:
        """Return since when the brokers have not answered, epoch seconds; None while they do."""
        return self.read_at_s if self.age_s > _STALE_S else None

    async def change(self, known: Stored, act: Callable[[DecisionDesk, float], Stored]) -> Decision:
        """Write what ``act`` makes of a decision, and return the state that counts then.

        Raises DecisionError where it must not be or another state counts, and BrokerError where
        the brokers have not confirmed it.
        """
        state = act(self._desk, self._clock())
        try:
            async with asyncio.timeout(_WITHIN_S):
                await self.reach(await self._writer.write([state]))
        except (KafkaError, TimeoutError) as error:
            _LOG.warning("%s: a decision was not confirmed: %s", NAME, str(error) or "no answer")
            raise BrokerError(
                "the brokers have not confirmed it: look before trying again"
            ) from error
        found = self.register.get(known.decision.key)
        if found is None or digest(state.value) not in {
            digest(found.value),
            found.decision.previous,
        }:
            raise DecisionError(changed(known.decision.key, found))
        return found.decision

    async def _take_in(self, *, changed: bool) -> None:
        if changed:
            self._lists = None

    async def _close(self) -> None:
        await self._writer.close()


def changed(decision_id: str, now: Stored | None) -> str:
    """Return the line for a person who acts on a state that does not count any more."""
    if now is None:
        return f"{decision_id} is not kept any more"
    return f"{decision_id} has changed: it is {now.decision.state} by {now.decision.actor.name} now"
