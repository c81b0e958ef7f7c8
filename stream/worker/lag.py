"""Measures how far behind each partition is, silent ones included, and who is left behind."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stream.worker.transport import HEARD_WITHIN_S

if TYPE_CHECKING:
    from collections.abc import Collection

    from stream.http.health import Health
    from stream.worker.app import WorkerApp
    from stream.worker.carrier import TP
    from stream.worker.metrics import WorkerMetrics
    from stream.worker.runtime import Runtime

_INTERVAL_S: Final = 2.0


@dataclass(slots=True)
class Backlog:
    """What waits in one partition. ``caught_up_s`` is when nothing did, last, epoch seconds."""

    end: int | None = None
    caught_up_s: float = -math.inf

    def records(self, position: int, heard: int | None, now_s: float) -> int:
        """Return how many records wait; ``heard`` is the end, if the broker has just said it."""
        if heard is not None:
            self.end = heard
        waiting = max((position if self.end is None else self.end) - position, 0)
        if not waiting and heard is not None:
            self.caught_up_s = now_s
        return waiting

    def seconds(self, written_s: float | None, now_s: float) -> float:
        """Return an upper bound of the age of the oldest record that waits.

        It was written after the last one processed (``written_s``) and after the last time that
        nothing was waiting; a partition that was silent for an hour is not an hour behind.
        """
        since_s = max(self.caught_up_s, -math.inf if written_s is None else written_s)
        return max(now_s - since_s, 0.0) if math.isfinite(since_s) else 0.0


class Lag:
    """Sets the gauges of lag, and tells health what waits."""

    def __init__(
        self, app: WorkerApp, runtime: Runtime, metrics: WorkerMetrics, health: Health
    ) -> None:
        """Know of no partition yet."""
        self._app = app
        self._runtime = runtime
        self._metrics = metrics
        self._health = health
        self._backlogs: dict[TP, Backlog] = {}
        self._heard = time.monotonic()

    async def run(self) -> None:
        """Measure for ever."""
        while True:
            await asyncio.sleep(_INTERVAL_S)
            self.measure(self._runtime.clock.now(), time.monotonic())

    def measure(self, now_s: float, now: float) -> None:
        """Set the gauges; ``now_s`` is epoch seconds, ``now`` monotonic seconds."""
        positions = self._runtime.positions.all()
        late: dict[str, float] = {}
        total = 0
        for tp, position in positions.items():
            backlog = self._backlogs.setdefault(tp, Backlog())
            heard = self._app.reader.end(tp, within_s=HEARD_WITHIN_S)
            records = backlog.records(position, heard, now_s)
            total += records
            if heard is not None:
                self._heard = now
            self._metrics.consumer_lag_records.labels(topic=tp.topic, partition=tp.partition).set(
                records
            )
            written_s = self._runtime.positions.written_s(tp)
            behind_s = backlog.seconds(written_s, now_s) if records else 0.0
            late[tp.topic] = max(late.get(tp.topic, 0.0), behind_s)
        for topic, behind_s in late.items():
            self._metrics.consumer_lag_seconds.labels(topic=topic).set(behind_s)
        if not positions:
            self._heard = now  # there is nobody to ask
        self._metrics.broker_silence_seconds.set(now - self._heard)
        self._forget(self._backlogs.keys() - positions.keys(), late.keys())
        self._health.waiting(now, total)

    def _forget(self, gone: set[TP], topics: Collection[str]) -> None:
        """Show nothing of partitions that are another worker's now."""
        for tp in gone:
            del self._backlogs[tp]
            self._metrics.consumer_lag_records.remove(tp.topic, str(tp.partition))
            if tp.topic not in topics:
                self._metrics.consumer_lag_seconds.remove(tp.topic)
