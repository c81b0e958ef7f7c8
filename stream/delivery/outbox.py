"""Reads the alerts topic for one sink: the topic is the queue, so a slow sink delays no other.

Each sink is a consumer group of its own. Offsets are committed only up to the oldest unfinished
alert, so a crash repeats alerts and loses none. A new sink starts with the oldest alert on the
topic.
"""

from __future__ import annotations

import contextlib
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)

from stream.delivery.dispatch import Dispatch, RecordPosition
from stream.delivery.sink import group_of
from stream.delivery.topic_reader import (
    METADATA_AGE_MS,
    TopicReader,
    close_consumer,
    wait,
    written_s,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.core.findings import Severity
    from stream.delivery.metrics import DeliveryMetrics
    from stream.delivery.sink import Sink

_LOG = logging.getLogger("stream.delivery.outbox")
_POLL_S: Final = 0.2
#: While a receiver is down, nothing is read for hours: the group must not expel the consumer.
_NO_POLL_LIMIT_MS: Final = 2**31 - 1
_COUNT_INTERVAL_S: Final = 5.0  # between two requests for the end of the topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much an outbox holds, and how long it may take to stop.

    ``in_progress`` bounds memory: it is reached while the receiver is down.
    ``overtaken`` bounds what a crash would deliver again: records from the oldest unfinished alert
    on. It is reached when one incident fails while thousands of others are delivered.
    """

    in_progress: int = 256
    overtaken: int = 4096
    stop_grace_s: float = 5.0


class Outbox(TopicReader):
    """One sink's reader."""

    def __init__(
        self,
        sink: Sink,
        *,
        topic: str,
        app: str,
        connection: Mapping[str, Any],
        metrics: DeliveryMetrics,
        minimum_severity: Severity = "info",
        deliver_drills: bool = False,
        bounds: Bounds | None = None,
    ) -> None:
        """Prepare to read ``topic`` as group ``<app>-sink-<name>``.

        ``connection`` goes to aiokafka as it is (bootstrap_servers, security, time-outs).
        """
        self._bounds = bounds or Bounds()
        super().__init__(sink.name, topic, metrics, stop_grace_s=self._bounds.stop_grace_s)
        self._sink = sink
        self._options = {
            **connection,
            "group_id": group_of(app, sink.name),
            "client_id": group_of(app, sink.name),
            "enable_auto_commit": False,
            # No record is skipped unnoticed: see _poll and _skip_lost.
            "auto_offset_reset": "none",
            "max_poll_interval_ms": _NO_POLL_LIMIT_MS,
            "metadata_max_age_ms": METADATA_AGE_MS,
        }
        self._dispatch = Dispatch(
            sink,
            metrics=metrics,
            minimum_severity=minimum_severity,
            deliver_drills=deliver_drills,
        )
        self._queue = metrics.sink_queue_length.labels(sink=sink.name)
        self._oldest = metrics.sink_oldest_seconds.labels(sink=sink.name)
        self._missed = metrics.sink_missed_total.labels(sink=sink.name)
        self._known_ends: dict[TopicPartition, int] = {}  # ends of the partitions
        self._refreshed_s = 0.0  # of the ends, monotonic

    async def _consume(self) -> None:
        consumer = AIOKafkaConsumer(**self._options)
        try:
            consumer.subscribe([self._topic], listener=_Handover(self, consumer))
            await consumer.start()
            while not self._stopping.is_set():
                await self._poll(consumer)
                await self._commit(consumer)
                await self._count(consumer)
            await self._dispatch.drain(self._bounds.stop_grace_s)
            await self._commit(consumer)
        finally:
            await close_consumer(consumer)

    async def _forget(self) -> None:
        await self._dispatch.cancel()

    async def _close(self) -> None:
        await self._sink.close()

    async def _poll(self, consumer: AIOKafkaConsumer) -> None:
        """Read as much as fits; wait for a delivery when nothing fits."""
        ledger = self._dispatch.ledger
        room = min(
            self._bounds.in_progress - ledger.unfinished, self._bounds.overtaken - ledger.held
        )
        if room <= 0:
            self._dispatch.changed.clear()
            await wait(self._dispatch.changed, _POLL_S)
            return
        try:
            batches = await consumer.getmany(timeout_ms=int(_POLL_S * 1000), max_records=room)
        except NoOffsetForPartitionError as error:
            await consumer.seek_to_beginning(*error.args)
            return
        except OffsetOutOfRangeError as error:
            await self._skip_lost(consumer, *error.args)
            return
        self._failures = 0
        # No await from here on: the partitions are still ours when the records are taken.
        for partition, records in batches.items():
            for record in records:
                position = RecordPosition(partition.partition, record.offset, written_s(record))
                self._dispatch.submit(position, record.value)

    async def _skip_lost(
        self, consumer: AIOKafkaConsumer, wanted: Mapping[TopicPartition, int]
    ) -> None:
        """Continue at the oldest record, and count what the topic has dropped."""
        beginnings = await consumer.beginning_offsets(list(wanted))
        for partition, offset in wanted.items():
            beginning = beginnings[partition]
            if beginning > offset:
                self._missed.inc(beginning - offset)
                _LOG.error(
                    "%s: %s dropped %d alerts before they were delivered: its retention is too "
                    "short",
                    self._sink.name,
                    self._topic,
                    beginning - offset,
                )
            else:
                _LOG.warning("%s: %s was recreated", self._sink.name, self._topic)
                self._dispatch.reset_partition(partition.partition)
        await consumer.seek_to_beginning(*wanted)

    async def _commit(self, consumer: AIOKafkaConsumer) -> None:
        offsets = self._dispatch.ledger.committable()
        if not offsets:
            return
        try:
            drills = self._dispatch.drills
            await consumer.commit(
                {TopicPartition(self._topic, p): (o, drills.get(p, "")) for p, o in offsets.items()}
            )
        except (CommitFailedError, IllegalStateError) as error:
            # The partitions went to another worker, which delivers these again.
            _LOG.info("%s: commit refused: %s", self._sink.name, error)
        else:
            self._dispatch.ledger.committed(offsets)

    async def _count(self, consumer: AIOKafkaConsumer) -> None:
        oldest_s = self._dispatch.oldest_s
        self._oldest.set(max(time.time() - oldest_s, 0.0) if oldest_s is not None else 0.0)
        ledger = self._dispatch.ledger
        ends = await self._ends(consumer)
        unread = sum(
            max(end - read, 0)
            for partition, end in ends.items()
            if (read := ledger.read_until(partition.partition)) is not None
        )
        self._queue.set(ledger.unfinished + unread)

    async def _ends(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
        """Return the end of each partition, from the last fetch or requested between fetches."""
        fetched = {tp: consumer.highwater(tp) or 0 for tp in consumer.assignment()}
        if fetched and time.monotonic() - self._refreshed_s > _COUNT_INTERVAL_S:
            self._refreshed_s = time.monotonic()
            with contextlib.suppress(KafkaError):  # the broker is down: the figure stays
                self._known_ends = await consumer.end_offsets(list(fetched))
        return {tp: max(end, self._known_ends.get(tp, 0)) for tp, end in fetched.items()}

    async def _hand_over(self, consumer: AIOKafkaConsumer) -> None:
        try:
            await self._commit(consumer)
        except KafkaError as error:
            _LOG.info("%s: commit before a rebalance failed: %s", self._sink.name, error)
        finally:
            await self._dispatch.cancel()


class _Handover(ConsumerRebalanceListener):
    """Gives partitions back: finished alerts are committed, unfinished ones cancelled."""

    def __init__(self, outbox: Outbox, consumer: AIOKafkaConsumer) -> None:
        self._outbox = outbox
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        if revoked:
            await self._outbox._hand_over(self._consumer)  # noqa: SLF001 - its other half

    async def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        """Nothing to prepare."""
