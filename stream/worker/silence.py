"""Says which source partitions are silent, so that they hold nobody up."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from aiokafka.errors import KafkaError

from stream.worker.transport import HEARD_WITHIN_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.core.records import Emission
    from stream.worker.app import WorkerApp
    from stream.worker.carrier import TP
    from stream.worker.runtime import Runtime

#: A broker that takes longer to say where a partition ends is not waited for: work waits meanwhile.
_ANSWER_S: Final = 1.0


class Silence:
    """Finds source partitions that are read to their end and say nothing."""

    def __init__(self, app: WorkerApp, runtime: Runtime, *, topic: str, after_s: float) -> None:
        """Watch the partitions of ``topic``; silent means ``after_s`` seconds without a record.

        It is said again as often, because it holds up to the moment when it is said.
        """
        self._app = app
        self._runtime = runtime
        self._topic = topic
        self._after_s = after_s
        self._said: dict[TP, float] = {}  # silence that was said last, seconds
        self._unheard: dict[TP, float] = {}  # when the broker last kept silent itself, monotonic

    async def run(self) -> None:
        """Look around for ever."""
        while True:
            await asyncio.sleep(min(self._after_s, 1.0))
            await self.look(time.monotonic())

    async def look(self, now: float) -> None:
        """Say which partitions are silent; ``now`` is monotonic seconds."""
        silent = {
            tp: silent_s
            for tp, last in list(self._runtime.last_record.items())
            if tp.topic == self._topic and (silent_s := self._silent_s(tp, now, last)) is not None
        }
        if silent:
            await self._runtime.say(lambda: self._still_silent(silent))

    def _silent_s(self, tp: TP, now: float, last: float) -> float | None:
        """Return for how long a partition seems to be silent, or None when that need not be said.

        What the last answer to a fetch says costs nothing but may be seconds old.
        """
        end = self._app.reader.end(tp, within_s=HEARD_WITHIN_S)
        if end is None:
            # Whoever writes could not reach the broker either: what was held up comes first.
            self._unheard[tp] = now
            return None
        silent_s = now - max(last, self._unheard.get(tp, last))
        said = self._said.get(tp, 0.0)
        if silent_s < said:
            said = self._said[tp] = 0.0  # it has spoken since
        if silent_s < said + self._after_s or self._waits(tp, end):
            return None
        return silent_s

    async def _still_silent(self, silent: Mapping[TP, float]) -> list[Emission]:
        """Ask anew where the partitions end, and return what the silent ones have to say.

        Nothing else is processed meanwhile, so no other partition moves on between the broker's
        answer and what is said on the strength of it.
        """
        try:
            ends = await asyncio.wait_for(self._app.reader.ends(silent), _ANSWER_S)
        except (KafkaError, TimeoutError):
            return []  # to be said when it answers
        said = []
        for tp, silent_s in silent.items():
            if not self._waits(tp, ends[tp]):
                self._said[tp] = silent_s
                said += self._runtime.tasks.stages.source.idle(tp.partition, elapsed_s=silent_s)
        return said

    def _waits(self, tp: TP, end: int) -> bool:
        """Say whether a record waits to be processed: that is no silence."""
        position = self._runtime.positions.get(tp)
        return position is None or position < end
