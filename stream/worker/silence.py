"""Says which source partitions are silent, so that they hold nobody up."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from stream.worker.transport import HEARD_WITHIN_S

if TYPE_CHECKING:
    from stream.worker.app import WorkerApp
    from stream.worker.carrier import TP
    from stream.worker.runtime import Runtime


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
        for tp, last in list(self._runtime.last_record.items()):
            if tp.topic == self._topic:
                await self._look_at(tp, now, last)

    async def _look_at(self, tp: TP, now: float, last: float) -> None:
        end = self._app.reader.end(tp, within_s=HEARD_WITHIN_S)
        if end is None:
            # Whoever writes could not reach the broker either: what was held up comes first.
            self._unheard[tp] = now
            return
        silent_s = now - max(last, self._unheard.get(tp, last))
        said = self._said.get(tp, 0.0)
        if silent_s < said:
            said = self._said[tp] = 0.0  # it has spoken since
        if silent_s < said + self._after_s:
            return
        position = self._runtime.positions.get(tp)
        if position is None or position < end:
            return  # records that wait are no silence
        self._said[tp] = silent_s
        source = self._runtime.lanes.stages.source
        await self._runtime.say(source.idle(tp.partition, elapsed_s=silent_s))
