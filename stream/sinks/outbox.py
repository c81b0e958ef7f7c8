"""Reads the alerts topic for one sink: the topic is the queue, so a slow sink blocks nobody.

Each sink is a consumer group of its own. Offsets are committed only up to the oldest alert that is
not done with, so a crash delivers again and never loses. A new sink begins with the oldest alert
that the topic still holds.
"""

from __future__ import annotations

import asyncio
import logging
from random import Random
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from stream.sinks.backoff import full_jitter
from stream.sinks.dispatch import Dispatch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.metrics import Metrics
    from stream.sinks.sink import Sink
    from stream.types.verdicts import Severity

_LOG = logging.getLogger("stream.sinks.outbox")
_POLL_S: Final = 0.2
#: A receiver may be down for hours, in which nothing is read: that is no reason to leave the group.
_NO_POLL_LIMIT_MS: Final = 2**31 - 1
_FIRST_RETRY_S, _LONGEST_RETRY_S = 1.0, 30.0
_STOP_SLACK_S: Final = 3.0  # to commit and leave the group


class Outbox:
    """One sink's reader; ``start`` and ``stop`` it beside the worker, in the same loop."""

    def __init__(
        self,
        sink: Sink,
        *,
        topic: str,
        app: str,
        connection: Mapping[str, Any],
        metrics: Metrics,
        minimum_severity: Severity = "info",
        window: int = 256,
        stop_grace_s: float = 5.0,
    ) -> None:
        """Prepare to read ``topic`` as group ``<app>-sink-<name>``.

        ``connection`` goes to aiokafka as it is (bootstrap_servers, security). At most ``window``
        records are read beyond the oldest one that is not done with.
        """
        self._sink = sink
        self._topic = topic
        self._options = {
            **connection,
            "group_id": f"{app}-sink-{sink.name}",
            "client_id": f"{app}-sink-{sink.name}",
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "max_poll_interval_ms": _NO_POLL_LIMIT_MS,
        }
        self._dispatch = Dispatch(sink, metrics=metrics, minimum_severity=minimum_severity)
        self._queue = metrics.sink_queue_length.labels(sink=sink.name)
        self._window = window
        self._stop_grace_s = stop_grace_s
        self._failures = 0  # in a row
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin in the background; an unreachable broker is tried again and again."""
        self._stopping.clear()
        self._task = asyncio.create_task(self._run(), name=f"outbox-{self._sink.name}")

    async def stop(self) -> None:
        """Give deliveries under way a moment, commit, leave the group; again is harmless."""
        task, self._task = self._task, None
        if task is not None:
            self._stopping.set()
            await asyncio.wait([task], timeout=self._stop_grace_s + _STOP_SLACK_S)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self._dispatch.abandon()
        await self._sink.close()

    async def _run(self) -> None:
        random = Random()
        while not self._stopping.is_set():
            try:
                await self._consume()
            except Exception as error:  # noqa: BLE001 - whatever it is, alerts must still go out
                self._failures += 1
                pause = full_jitter(
                    self._failures,
                    first_s=_FIRST_RETRY_S,
                    longest_s=_LONGEST_RETRY_S,
                    random=random,
                )
                _LOG.warning(
                    "%s: %s cannot be read: %s; again in %.1f s",
                    self._sink.name,
                    self._topic,
                    str(error) or type(error).__name__,
                    pause,
                )
                await self._dispatch.abandon()
                await _wait(self._stopping, pause)

    async def _consume(self) -> None:
        consumer = AIOKafkaConsumer(**self._options)
        try:
            consumer.subscribe([self._topic], listener=_Handover(self, consumer))
            await consumer.start()
            while not self._stopping.is_set():
                await self._poll(consumer)
                await self._commit(consumer)
                self._count(consumer)
            await self._dispatch.drain(self._stop_grace_s)
            await self._commit(consumer)
            self._count(consumer)
        finally:
            await consumer.stop()

    async def _poll(self, consumer: AIOKafkaConsumer) -> None:
        """Read as much as the window has room for; wait for a delivery when it has none."""
        room = self._window - self._dispatch.ledger.held
        if room <= 0:
            self._dispatch.changed.clear()
            await _wait(self._dispatch.changed, _POLL_S)
            return
        batches = await consumer.getmany(timeout_ms=int(_POLL_S * 1000), max_records=room)
        self._failures = 0
        # No await from here on: the partitions are still ours when the records are taken.
        for partition, records in batches.items():
            for record in records:
                self._dispatch.submit(partition.partition, record.offset, record.value)

    async def _commit(self, consumer: AIOKafkaConsumer) -> None:
        offsets = self._dispatch.ledger.committable()
        if not offsets:
            return
        try:
            await consumer.commit({TopicPartition(self._topic, p): o for p, o in offsets.items()})
        except (CommitFailedError, IllegalStateError) as error:
            # The partitions went to somebody else, who will deliver these again.
            _LOG.info("%s: commit refused: %s", self._sink.name, error)
        else:
            self._dispatch.ledger.committed(offsets)

    def _count(self, consumer: AIOKafkaConsumer) -> None:
        ledger = self._dispatch.ledger
        unread = 0
        for partition in consumer.assignment():
            read, end = ledger.read_until(partition.partition), consumer.highwater(partition)
            if read is not None and end is not None:
                unread += max(end - read, 0)
        self._queue.set(ledger.unfinished + unread)

    async def _hand_over(self, consumer: AIOKafkaConsumer) -> None:
        try:
            await self._commit(consumer)
        except KafkaError as error:
            _LOG.info("%s: commit before a rebalance failed: %s", self._sink.name, error)
        await self._dispatch.abandon()


class _Handover(ConsumerRebalanceListener):  # type: ignore[misc]
    """Gives the partitions back: what is done is committed, what is not is dropped."""

    def __init__(self, outbox: Outbox, consumer: AIOKafkaConsumer) -> None:
        self._outbox = outbox
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        if revoked:
            await self._outbox._hand_over(self._consumer)  # noqa: SLF001 - its other half

    async def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        """Nothing to prepare."""


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        pass
