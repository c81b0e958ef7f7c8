"""Measures the lag of each partition, in records and in seconds, idle partitions included."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stream.worker.ports import RECENT_ANSWER_S

if TYPE_CHECKING:
    from collections.abc import Collection

    from stream.http.health import Health
    from stream.worker.metrics import WorkerMetrics
    from stream.worker.ports import PartitionView
    from stream.worker.record_batch import TP
    from stream.worker.runtime import Runtime

_INTERVAL_S: Final = 2.0


@dataclass(slots=True)
class Backlog:
    """Unprocessed records of a partition; ``caught_up_s``: when there were none, epoch seconds."""

    end: int | None = None
    caught_up_s: float = -math.inf

    def records(self, position: int, reported: int | None, now_s: float) -> int:
        """Return the number of unprocessed records; ``reported`` is the end, if it is recent."""
        if reported is not None:
            self.end = reported
        waiting = max((position if self.end is None else self.end) - position, 0)
        if not waiting and reported is not None:
            self.caught_up_s = now_s
        return waiting

    def seconds(self, written_s: float | None, now_s: float) -> float:
        """Return an upper bound of the age of the oldest unprocessed record, seconds.

        It was written after the last processed one (``written_s``) and after the last time without
        a backlog: a partition that was idle for an hour is not an hour behind.
        """
        since_s = max(self.caught_up_s, -math.inf if written_s is None else written_s)
        return max(now_s - since_s, 0.0) if math.isfinite(since_s) else 0.0


class Lag:
    """Sets the gauges of lag, and reports the backlog to the health check."""

    def __init__(
        self, view: PartitionView, runtime: Runtime, metrics: WorkerMetrics, health: Health
    ) -> None:
        """Start with no partition."""
        self._view = view
        self._runtime = runtime
        self._metrics = metrics
        self._health = health
        self._backlogs: dict[TP, Backlog] = {}
        self._answered = time.monotonic()
        self._looked = (time.monotonic(), time.process_time())

    async def run(self) -> None:
        """Measure for ever."""
        while True:
            await asyncio.sleep(_INTERVAL_S)
            self.measure(self._runtime.clock.now(), time.monotonic(), time.process_time())

    def measure(self, now_s: float, now: float, cpu_s: float) -> None:
        """Set the gauges.

        ``now_s`` is epoch seconds, ``now`` monotonic seconds, ``cpu_s`` the processor time that
        this process has used.
        """
        positions = self._runtime.positions.all()
        late: dict[str, float] = {}
        total = 0
        for tp, position in positions.items():
            backlog = self._backlogs.setdefault(tp, Backlog())
            reported = self._view.end(tp, within_s=RECENT_ANSWER_S)
            records = backlog.records(position, reported, now_s)
            total += records
            if reported is not None:
                self._answered = now
            self._metrics.consumer_lag_records.labels(topic=tp.topic, partition=tp.partition).set(
                records
            )
            written_s = self._runtime.positions.written_s(tp)
            behind_s = backlog.seconds(written_s, now_s) if records else 0.0
            late[tp.topic] = max(late.get(tp.topic, 0.0), behind_s)
        for topic, behind_s in late.items():
            self._metrics.consumer_lag_seconds.labels(topic=topic).set(behind_s)
        self._measure_busy(now, cpu_s, waiting_s=max(late.values(), default=0.0))
        if not positions:
            self._answered = now  # no partition: no broker to fetch from
        self._metrics.broker_silence_seconds.set(now - self._answered)
        self._forget(self._backlogs.keys() - positions.keys(), late.keys())
        self._health.waiting(now, total)

    def _measure_busy(self, now: float, cpu_s: float, *, waiting_s: float) -> None:
        """Set the gauge of busy cores, if records waited since the last call."""
        last, last_cpu_s = self._looked
        self._looked = now, cpu_s
        waited = waiting_s >= now - last > 0
        self._metrics.busy_cores.set((cpu_s - last_cpu_s) / (now - last) if waited else 0.0)

    def _forget(self, gone: set[TP], topics: Collection[str]) -> None:
        """Remove the gauges of partitions that another worker owns now."""
        for tp in gone:
            del self._backlogs[tp]
            self._metrics.consumer_lag_records.remove(tp.topic, str(tp.partition))
            if tp.topic not in topics:
                self._metrics.consumer_lag_seconds.remove(tp.topic)
