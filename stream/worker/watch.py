"""What a worker does by the clock: say which source partitions are silent, and measure lag."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from stream.errors import TopicError

if TYPE_CHECKING:
    from stream.metrics import Metrics
    from stream.sinks.health import Health
    from stream.worker.app import WorkerApp
    from stream.worker.carrier import TP
    from stream.worker.runtime import Runtime

#: Kafka answers a fetch of a silent partition after 1.5 s (Faust's fetch_max_wait_ms).
_HEARD_WITHIN_S: Final = 5.0
_LAG_INTERVAL_S: Final = 2.0
#: Silence is said again at growing intervals, so that the last steps close and incidents end.
_LONGEST_PAUSE_S: Final = 60.0


class Silence:
    """Finds source partitions that are read to their end and say nothing."""

    def __init__(self, app: WorkerApp, runtime: Runtime, *, topic: str, after_s: float) -> None:
        """Watch the partitions of ``topic``; silent means ``after_s`` seconds without a record."""
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
        end = self._app.reader.end(tp, within_s=_HEARD_WITHIN_S)
        if end is None:
            # Whoever writes could not reach the broker either: what was held up comes first.
            self._unheard[tp] = now
            return
        silent_s = now - max(last, self._unheard.get(tp, last))
        said = self._said.get(tp, 0.0)
        if silent_s < said:
            said = self._said[tp] = 0.0  # it has spoken since
        if silent_s < self._after_s or silent_s < said + min(
            max(said, self._after_s), _LONGEST_PAUSE_S
        ):
            return
        position = self._runtime.positions.get(tp)
        if position is None or position < end:
            return  # records that wait are no silence
        self._said[tp] = silent_s
        source = self._runtime.lanes.stages.source
        await self._runtime.say(source.idle(tp.partition, elapsed_s=silent_s))


class Lag:
    """Measures how far behind each partition is, silent ones included."""

    def __init__(
        self,
        app: WorkerApp,
        runtime: Runtime,
        metrics: Metrics,
        health: Health,
        *,
        source: str,
        source_partitions: int,
    ) -> None:
        """Also watch that ``source`` keeps the partitions that it had at the start."""
        self._app = app
        self._runtime = runtime
        self._metrics = metrics
        self._health = health
        self._source = source
        self._source_partitions = source_partitions
        self._shown: set[TP] = set()
        self._ends: dict[TP, int] = {}

    async def run(self) -> None:
        """Measure for ever."""
        while True:
            await asyncio.sleep(_LAG_INTERVAL_S)
            self.measure(self._runtime.clock.now(), time.monotonic())
            self.check_partitions()

    def measure(self, now_s: float, now: float) -> None:
        """Set the gauges; ``now_s`` is epoch seconds, ``now`` monotonic seconds."""
        positions = self._runtime.positions.all()
        late: dict[str, float] = {}
        total = 0
        for tp, position in positions.items():
            heard = self._app.reader.end(tp, within_s=_HEARD_WITHIN_S)
            if heard is not None:
                self._ends[tp] = heard
            records = max(self._ends.get(tp, position) - position, 0)
            total += records
            self._metrics.consumer_lag_records.labels(topic=tp.topic, partition=tp.partition).set(
                records
            )
            written_s = self._runtime.positions.written_s(tp)
            behind_s = now_s - written_s if records and written_s is not None else 0.0
            late[tp.topic] = max(late.get(tp.topic, 0.0), behind_s)
        for topic, behind_s in late.items():
            self._metrics.consumer_lag_seconds.labels(topic=topic).set(max(behind_s, 0.0))
        for tp in self._shown - positions.keys():
            self._metrics.consumer_lag_records.remove(tp.topic, str(tp.partition))
            self._ends.pop(tp, None)
        self._shown = set(positions)
        self._health.waiting(now, total)

    def check_partitions(self) -> None:
        """Raise TopicError when the source topic has grown."""
        partitions = self._app.reader.topic_partitions(self._source)
        if partitions is not None and partitions != self._source_partitions:
            raise TopicError(
                f"topic {self._source} now has {partitions} partitions instead of "
                f"{self._source_partitions}: restart the workers, nothing is lost"
            )
