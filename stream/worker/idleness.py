"""Finds idle source partitions and claims them idle, so that they do not delay the watermark."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import TYPE_CHECKING

from aiokafka.errors import KafkaError

from stream.core.packets import IdleClaim
from stream.worker.ports import RECENT_ANSWER_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.core.records import Emission
    from stream.worker.ports import PartitionView
    from stream.worker.record_batch import TP
    from stream.worker.runtime import Runtime


class IdlenessDetector:
    """Finds source partitions that are read to their end and get no records.

    A partition is idle after ``timeout_s`` without a record. Then it is claimed in two packets
    (:mod:`stream.pipeline.event_time`). This is repeated every ``timeout_s``, because a claim holds
    only for its moment.
    """

    def __init__(
        self, view: PartitionView, runtime: Runtime, *, topic: str, timeout_s: float
    ) -> None:
        """Watch the partitions of ``topic``."""
        self._view = view
        self._runtime = runtime
        self._topic = topic
        self._timeout_s = timeout_s
        self._reader = secrets.randbits(63)
        self._claimed_s: dict[TP, float] = {}  # idle time of the last claim, seconds
        self._unanswered: dict[TP, float] = {}  # last time without a broker's answer, monotonic

    async def run(self) -> None:
        """Check for ever."""
        while True:
            await asyncio.sleep(min(self._timeout_s, 1.0))
            await self.check(time.monotonic())

    async def check(self, now: float) -> None:
        """Send the claims that are due; ``now`` is monotonic seconds."""
        idle = {
            tp: idle_s
            for tp, last in list(self._runtime.last_record.items())
            if tp.topic == self._topic and (idle_s := self._idle_s(tp, now, last)) is not None
        }
        if idle:
            await self._claim(idle, now)

    async def _claim(self, idle: Mapping[TP, float], now: float) -> None:
        """Announce that partitions are idle; confirm it for those whose end has not moved."""
        offsets = {tp: position for tp in idle if (position := self._position(tp)) is not None}

        async def announce() -> list[Emission]:
            return self._packets(offsets, dict.fromkeys(idle, 0.0), confirmed=False)

        took_s = await self._runtime.send_between_batches(announce)
        if took_s > RECENT_ANSWER_S:  # as for an answer that is too old
            self._unanswered |= dict.fromkeys(idle, now + took_s)
            return
        if self._runtime.paused:
            return  # nothing would be sent; while the worker stops, the consumer may be closed
        try:
            ends = await asyncio.wait_for(self._view.ends(offsets), RECENT_ANSWER_S)
        except (KafkaError, TimeoutError):
            return  # the next check tries again

        async def confirm() -> list[Emission]:
            still = {
                tp: offset
                for tp, offset in offsets.items()
                if ends[tp] <= offset == self._position(tp)
            }
            self._claimed_s |= {tp: idle[tp] for tp in still}
            return self._packets(still, idle, confirmed=True)

        await self._runtime.send_between_batches(confirm)

    def _packets(
        self, offsets: Mapping[TP, int], idle: Mapping[TP, float], *, confirmed: bool
    ) -> list[Emission]:
        source = self._runtime.tasks.stages.source
        return [
            emission
            for tp, offset in offsets.items()
            for emission in source.idle(
                tp.partition,
                IdleClaim(offset=offset, reader=self._reader, confirmed=confirmed),
                elapsed_s=idle[tp],
            )
        ]

    def _position(self, tp: TP) -> int | None:
        """Return up to where a partition is processed; None: it is not assigned any more."""
        return self._runtime.positions.get(tp)

    def _idle_s(self, tp: TP, now: float, last: float) -> float | None:
        """Return how long a partition has been idle; None when no claim is due.

        This uses the end from the last answer to a fetch: it costs nothing but may be seconds old.
        """
        end = self._view.end(tp, within_s=RECENT_ANSWER_S)
        if end is None:
            # Producers could not reach the broker either: wait for their delayed records.
            self._unanswered[tp] = now
            return None
        idle_s = now - max(last, self._unanswered.get(tp, last))
        claimed_s = self._claimed_s.get(tp, 0.0)
        if idle_s < claimed_s:
            claimed_s = self._claimed_s[tp] = 0.0  # a record came after the claim
        if idle_s < claimed_s + self._timeout_s or self._has_backlog(tp, end):
            return None
        return idle_s

    def _has_backlog(self, tp: TP, end: int) -> bool:
        """Return whether the partition has unprocessed records, or is not assigned any more."""
        position = self._position(tp)
        return position is None or position < end
