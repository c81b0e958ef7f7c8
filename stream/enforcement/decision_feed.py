"""Decisions in memory: the topic is read whole and followed; an outage changes nothing."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

from stream.decisions.guard_rails import GuardRails
from stream.decisions.in_force import InForce
from stream.enforcement.decision_reader import DecisionReader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stream.core.decisions import Decision
    from stream.decisions.settings import DecisionSettings
    from stream.delivery.metrics import DeliveryMetrics

NAME: Final = "enforcer"


class DecisionFeed(DecisionReader):
    """:attr:`in_force` is replaced whenever a decision changes."""

    def __init__(
        self,
        settings: DecisionSettings,
        *,
        name: str = NAME,
        topic: str,
        connection: Mapping[str, Any],
        exact: bool,
        metrics: DeliveryMetrics,
        renewed: Callable[[InForce, Sequence[Decision]], None] = lambda *_: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``connection`` goes to aiokafka, ``name`` into metrics. Raises SettingsError without key.

        ``renewed`` gets the table, and what is new in it, before anything is answered from it.
        """
        super().__init__(
            settings,
            name=name,
            topic=topic,
            connection=connection,
            exact=exact,
            metrics=metrics,
            clock=clock,
        )
        self._rails = GuardRails(settings)
        self._renewed = renewed
        self.in_force = InForce.of(self.register, self._rails, clock())

    async def _take_in(self, *, changed: bool) -> None:
        """Make the table beside the answers; nothing is read meanwhile, so no decision changes."""
        if not changed and self._clock() < self.in_force.next_end:
            return
        in_force, new = await asyncio.to_thread(self._made, self._clock())
        self._renewed(in_force, new)
        self.in_force = in_force

    def _made(self, time: float) -> tuple[InForce, list[Decision]]:
        """Return the table of a time, and what is new in it; runs in a thread of its own."""
        made, known = InForce.of(self.register, self._rails, time), self.in_force.decisions
        return made, [one for name, one in made.decisions.items() if name not in known]
