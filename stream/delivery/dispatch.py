"""Passes alerts to one sink: those of one incident in order, others concurrently.

It needs only partition and offset of an alert, and does not use Kafka. It sets no bound: the
caller checks ``ledger.held`` before it submits.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stream.core.alerts import Alert, alert_in
from stream.delivery.metrics import DELIVERY_RESULTS
from stream.delivery.offset_ledger import OffsetLedger
from stream.delivery.sink import RANK
from stream.delivery.time_source import Clock

if TYPE_CHECKING:
    from stream.core.findings import Severity
    from stream.delivery.metrics import DeliveryMetrics
    from stream.delivery.sink import Delivery, Sink

_LOG = logging.getLogger("stream.delivery.dispatch")
#: A bug in a sink must neither stop the other alerts nor block the commits.
_BUG: Final = "%s: alert %s failed"


@dataclass(frozen=True, slots=True)
class RecordPosition:
    """Partition and offset of an alert, and when it was written, epoch seconds."""

    partition: int
    offset: int
    written_s: float


def drill_metadata(alert: Alert, result: str) -> str:
    """Return the offset metadata with the outcome of a drill's alert."""
    return f"{alert.alert_id} {result}"


class Dispatch:
    """Deliveries in progress; ``changed`` is set whenever one ends."""

    def __init__(
        self,
        sink: Sink,
        *,
        metrics: DeliveryMetrics,
        minimum_severity: Severity = "info",
        deliver_drills: bool = False,
        clock: Clock | None = None,
    ) -> None:
        """Deliver alerts of at least ``minimum_severity`` to ``sink``, and drills if set."""
        self.ledger = OffsetLedger()
        self.changed = asyncio.Event()
        self._sink = sink
        self._metrics = metrics
        for result in DELIVERY_RESULTS:  # from 0: a rate does not see the first of a series
            metrics.sink_deliveries_total.labels(sink=sink.name, result=result)
        self._minimum = RANK[minimum_severity]
        self._deliver_drills = deliver_drills
        #: Outcome of the last alert of a drill, by partition: see stream.tools.drill.
        self.drills: dict[int, str] = {}
        self._clock = clock or Clock()
        #: None: no longer on the topic.
        self._tasks: dict[asyncio.Task[None], RecordPosition | None] = {}
        self._last: dict[str, asyncio.Task[None]] = {}  # alert_id -> its latest delivery

    @property
    def oldest_s(self) -> float | None:
        """Return when the oldest alert in progress was written, epoch seconds, None without any."""
        return min(
            (position.written_s for position in self._tasks.values() if position), default=None
        )

    def submit(self, position: RecordPosition, value: bytes | None) -> None:
        """Take one record of the alerts topic; it is delivered in the background."""
        self.ledger.begin(position.partition, position.offset)
        alert = alert_in(value)
        if alert is None:
            _LOG.warning(
                "%s: invalid alert at partition %d, offset %d",
                self._sink.name,
                position.partition,
                position.offset,
            )
            self._end(position, "invalid")
            return
        if alert.refresh:  # for readers of the topic only
            self._finish(position)
            return
        if alert.drill and not self._deliver_drills:
            self._end(position, "skipped", alert)
            return
        if RANK[alert.severity] < self._minimum and not alert.drill:
            self._end(position, "filtered")
            return
        try:
            delivery = self._sink.prepare(alert)
        except Exception:  # noqa: BLE001 - see _BUG
            _LOG.exception(_BUG, self._sink.name, alert.alert_id)
            self._end(position, "failed", alert)
            return
        before = self._last.get(alert.alert_id)
        task = asyncio.create_task(self._deliver(alert, delivery, before))
        self._last[alert.alert_id] = task
        self._tasks[task] = position
        task.add_done_callback(lambda done: self._ended(done, alert.alert_id))

    async def drain(self, timeout_s: float) -> None:
        """Wait until every submitted alert is finished, at most ``timeout_s`` seconds."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout_s)

    async def cancel(self) -> None:
        """Stop every delivery and forget its record: the next reader delivers it."""
        tasks = list(self._tasks)
        self._tasks.clear()
        self._last.clear()
        self.ledger.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def reset_partition(self, partition: int) -> None:
        """Forget offsets of a recreated topic; deliveries in progress continue without theirs."""
        self.ledger.forget(partition)
        for task, position in self._tasks.items():
            if position is not None and position.partition == partition:
                self._tasks[task] = None

    async def _deliver(
        self, alert: Alert, delivery: Delivery, before: asyncio.Task[None] | None
    ) -> None:
        started = self._clock.monotonic()
        if before is not None:
            await asyncio.wait([before])
        task = asyncio.current_task()
        result: str
        try:
            result = await delivery()
        except (Exception, asyncio.CancelledError):
            if task is None or task.cancelling():
                raise
            _LOG.exception(_BUG, self._sink.name, alert.alert_id)
            result = "failed"
        if result == "delivered":
            self._metrics.sink_delivery_seconds.labels(sink=self._sink.name).observe(
                self._clock.monotonic() - started
            )
        if task in self._tasks:
            self._end(self._tasks[task], result, alert)

    def _end(
        self, position: RecordPosition | None, result: str, alert: Alert | None = None
    ) -> None:
        self._metrics.sink_deliveries_total.labels(sink=self._sink.name, result=result).inc()
        if position is None:
            self.changed.set()
            return
        if alert is not None and alert.drill:
            self.drills[position.partition] = drill_metadata(alert, result)
        self._finish(position)

    def _finish(self, position: RecordPosition) -> None:
        self.ledger.finish(position.partition, position.offset)
        self.changed.set()

    def _ended(self, task: asyncio.Task[None], alert_id: str) -> None:
        self._tasks.pop(task, None)
        if self._last.get(alert_id) is task:
            del self._last[alert_id]
