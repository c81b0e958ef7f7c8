"""Decides when partitions are read to their ends, although a broker may report wrong ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from aiokafka import AIOKafkaConsumer, TopicPartition

_QUIET_POLLS: Final = 2
#: Assumed: the broker answers without records up to its reported end: compaction removed them.
UNCHANGED_S: Final = 5.0


class EndTracker:
    """Tracks whether partitions have been read to their ends.

    A log may end with the marker of a transaction, which moves the position without a record, and
    compaction may have removed the last records, which leaves the position before the end.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        ends: Mapping[TopicPartition, int],
        *,
        exact: bool,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Unless ``exact``, ``ends`` may be too low: then polls without records have to follow."""
        self._consumer = consumer
        self._ends = ends
        self._exact = exact
        self._positions: dict[TopicPartition, int] = {}
        self._now = now  # the clock of the consumer's timestamps
        self._moved = now()
        self._quiet = 0

    async def reached(self, tps: Iterable[TopicPartition]) -> list[TopicPartition]:
        """Return the partitions of ``tps`` read to their end; call once after each poll."""
        positions = {tp: await self._consumer.position(tp) for tp in tps}
        if positions == self._positions:
            self._quiet += 1
        else:
            self._quiet, self._moved, self._positions = 0, self._now(), positions
        if self._now() - self._moved > UNCHANGED_S:
            return [tp for tp in positions if self._answers(tp)]
        if not self._exact and self._quiet < _QUIET_POLLS:
            return []
        return [tp for tp, position in positions.items() if position >= self._ends[tp]]

    def _answers(self, tp: TopicPartition) -> bool:
        """Return whether a broker has just answered a fetch of the partition."""
        answered_ms = self._consumer.last_poll_timestamp(tp)
        return answered_ms is not None and self._now() - answered_ms / 1000 < UNCHANGED_S / 2
