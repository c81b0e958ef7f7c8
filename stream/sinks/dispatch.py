"""Hands alerts to one sink: those of one incident in order, others past each other.

It knows nothing of Kafka beyond that an alert has a partition and an offset, and it sets no bound:
whoever submits looks at ``ledger.held`` first.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import msgspec

from stream.sinks.clock import Clock
from stream.sinks.ledger import Ledger
from stream.sinks.sink import RANK
from stream.types.alerts import Alert

if TYPE_CHECKING:
    from stream.metrics import Metrics
    from stream.sinks.sink import Sink
    from stream.types.verdicts import Severity

_LOG = logging.getLogger("stream.sinks.dispatch")
_decode = msgspec.json.Decoder(Alert).decode


class Dispatch:
    """Deliveries under way; ``changed`` is set whenever one ends."""

    def __init__(
        self,
        sink: Sink,
        *,
        metrics: Metrics,
        minimum_severity: Severity = "info",
        clock: Clock | None = None,
    ) -> None:
        """Deliver to ``sink`` what is at least ``minimum_severity``."""
        self.ledger = Ledger()
        self.changed = asyncio.Event()
        self._sink = sink
        self._metrics = metrics
        self._minimum = RANK[minimum_severity]
        self._clock = clock or Clock()
        self._tasks: dict[asyncio.Task[None], tuple[int, int]] = {}
        self._last: dict[str, asyncio.Task[None]] = {}  # alert_id -> its latest delivery

    def submit(self, partition: int, offset: int, value: bytes | None) -> None:
        """Take one record of the alerts topic; the delivery goes on in the background."""
        self.ledger.begin(partition, offset)
        try:
            alert = _decode(value or b"")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            _LOG.warning("%s: no alert at partition %d, %d", self._sink.name, partition, offset)
            self._end(partition, offset, "malformed")
            return
        if RANK[alert.severity] < self._minimum:
            self._end(partition, offset, "filtered")
            return
        before = self._last.get(alert.alert_id)
        task = asyncio.create_task(self._deliver(alert, before))
        self._last[alert.alert_id] = task
        self._tasks[task] = partition, offset
        task.add_done_callback(lambda done: self._ended(done, alert.alert_id))

    async def drain(self, timeout_s: float) -> None:
        """Wait until everything submitted is done with, or ``timeout_s`` seconds."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout_s)

    async def abandon(self) -> None:
        """Stop every delivery and forget its record: whoever reads it next delivers it."""
        tasks = list(self._tasks)
        self._tasks.clear()
        self._last.clear()
        self.ledger.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _deliver(self, alert: Alert, before: asyncio.Task[None] | None) -> None:
        started = self._clock.monotonic()
        if before is not None:
            await asyncio.wait([before])
        result: str
        try:
            result = await self._sink.deliver(alert)
        except Exception:  # noqa: BLE001 - see below
            # A bug in a sink must neither stop the other alerts nor hold the commits for ever.
            _LOG.exception("%s: alert %s failed", self._sink.name, alert.alert_id)
            result = "failed"
        if result == "delivered":
            self._metrics.sink_delivery_seconds.labels(sink=self._sink.name).observe(
                self._clock.monotonic() - started
            )
        task = asyncio.current_task()
        if task in self._tasks:
            self._end(*self._tasks[task], result)

    def _end(self, partition: int, offset: int, result: str) -> None:
        self._metrics.sink_deliveries_total.labels(sink=self._sink.name, result=result).inc()
        self.ledger.finish(partition, offset)
        self.changed.set()

    def _ended(self, task: asyncio.Task[None], alert_id: str) -> None:
        self._tasks.pop(task, None)
        if self._last.get(alert_id) is task:
            del self._last[alert_id]
