"""Finds idle source partitions and sends idle notices, so that they do not delay the watermark."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from aiokafka.errors import KafkaError

from stream.worker.ports import RECENT_ANSWER_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.core.records import Emission
    from stream.worker.ports import PartitionView
    from stream.worker.record_batch import TP
    from stream.worker.runtime import Runtime

#: Longest wait for the ends of partitions: no record is processed meanwhile.
_ANSWER_S: Final = 1.0


class IdlenessDetector:
    """Finds source partitions that are read to their end and get no records.

    A partition is idle after ``timeout_s`` without a record. The notice is repeated every
    ``timeout_s``, because it holds only for the moment of the notice
    (:mod:`stream.pipeline.event_time`).
    """

    def __init__(
        self, view: PartitionView, runtime: Runtime, *, topic: str, timeout_s: float
    ) -> None:
        """Watch the partitions of ``topic``."""
        self._view = view
        self._runtime = runtime
        self._topic = topic
        self._timeout_s = timeout_s
        self._notified_s: dict[TP, float] = {}  # idle time of the last notice, seconds
        self._unanswered: dict[TP, float] = {}  # last time without a broker's answer, monotonic

    async def run(self) -> None:
        """Check for ever."""
        while True:
            await asyncio.sleep(min(self._timeout_s, 1.0))
            await self.check(time.monotonic())

    async def check(self, now: float) -> None:
        """Send the idle notices that are due; ``now`` is monotonic seconds."""
        idle = {
            tp: idle_s
            for tp, last in list(self._runtime.last_record.items())
            if tp.topic == self._topic and (idle_s := self._idle_s(tp, now, last)) is not None
        }
        if idle:
            await self._runtime.send_between_batches(lambda: self._notices(idle))

    def _idle_s(self, tp: TP, now: float, last: float) -> float | None:
        """Return how long a partition has been idle; None when no notice is due.

        This uses the end from the last answer to a fetch: it costs nothing but may be seconds old.
        """
        end = self._view.end(tp, within_s=RECENT_ANSWER_S)
        if end is None:
            # Producers could not reach the broker either: wait for their delayed records.
            self._unanswered[tp] = now
            return None
        idle_s = now - max(last, self._unanswered.get(tp, last))
        notified_s = self._notified_s.get(tp, 0.0)
        if idle_s < notified_s:
            notified_s = self._notified_s[tp] = 0.0  # a record came after the notice
        if idle_s < notified_s + self._timeout_s or self._has_backlog(tp, end):
            return None
        return idle_s

    async def _notices(self, idle: Mapping[TP, float]) -> list[Emission]:
        """Request the current ends, and return the notices of partitions that are still idle.

        No record is processed between the broker's answer and the notices, so no other partition's
        watermark moves in between.
        """
        try:
            ends = await asyncio.wait_for(self._view.ends(idle), _ANSWER_S)
        except (KafkaError, TimeoutError):
            return []  # the next check tries again
        notices = []
        for tp, idle_s in idle.items():
            if not self._has_backlog(tp, ends[tp]):
                self._notified_s[tp] = idle_s
                source = self._runtime.tasks.stages.source
                notices += source.idle(tp.partition, elapsed_s=idle_s)
        return notices

    def _has_backlog(self, tp: TP, end: int) -> bool:
        """Return whether the partition has unprocessed records, or is not assigned any more."""
        position = self._runtime.positions.get(tp)
        return position is None or position < end
