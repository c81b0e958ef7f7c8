"""Loads a worker's account directory from its topic and follows it; each worker reads all of it.

The stages start after :meth:`DirectoryFeed.start`, which ends when the topic has been read to its
end, so no event meets a directory that is half loaded. Its effect on alerts:
:mod:`stream.intake.directory.directory`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from aiokafka import TopicPartition

from stream.delivery.topic_reader import METADATA_AGE_MS, TopicReader
from stream.kafka.topic_scan import POLL_MS, scan_consumer, scan_to_end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiokafka import AIOKafkaConsumer, ConsumerRecord

    from stream.intake.directory.directory import AccountDirectory
    from stream.kafka.settings import KafkaSettings
    from stream.worker.metrics import WorkerMetrics

_LOG = logging.getLogger("stream.worker.directory")
_NAME: Final = "directory"
#: Assumed: log interval of rejected entries, however many there are.
_WARN_EVERY_S: Final = 30.0


class DirectoryFeed(TopicReader):
    """``start`` loads the directory and follows it in the background until ``stop``."""

    def __init__(
        self,
        directory: AccountDirectory,
        *,
        kafka: KafkaSettings,
        topic: str,
        max_future_s: float,
        metrics: WorkerMetrics,
    ) -> None:
        """``max_future_s`` is how far ahead of the clock an account may have been created."""
        super().__init__(_NAME, topic, metrics, stop_grace_s=2 * POLL_MS / 1000)
        self._directory = directory
        self._kafka = kafka
        self._max_future_s = max_future_s
        self._metrics = metrics
        self._loaded = asyncio.Event()
        self._written_s = 0.0
        self._warn_at = 0.0  # monotonic
        #: Where to resume after a broker was away: deletions of that time are still in the topic.
        self._positions: dict[TopicPartition, int] = {}

    async def start(self) -> None:
        """Return when the topic has been read to its end, however long brokers take."""
        started = time.monotonic()
        await super().start()
        await self._loaded.wait()
        _LOG.info(
            "%s: %d accounts in the directory, loaded in %.1f s",
            self._topic,
            len(self._directory),
            time.monotonic() - started,
        )

    async def _consume(self) -> None:
        options = {"metadata_max_age_ms": METADATA_AGE_MS}
        async with scan_consumer(self._kafka, self._topic, **options) as consumer:
            for tp in consumer.assignment() & self._positions.keys():
                consumer.seek(tp, self._positions[tp])
            async for records in scan_to_end(consumer, exact=self._kafka.transactions):
                await self._take(records)
                if self._stopping.is_set():
                    return
            self._loaded.set()
            await self._follow(consumer)

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        while not self._stopping.is_set():
            found = await consumer.getmany(timeout_ms=POLL_MS)
            self._failures = 0
            for records in found.values():
                await self._take(records)

    async def _take(self, records: Sequence[ConsumerRecord]) -> None:
        if not records:
            return
        refused = await asyncio.to_thread(
            self._directory.load,
            [(record.key, record.value) for record in records],
            latest=time.time() + self._max_future_s,
        )
        for one in refused:
            self._metrics.directory_rejected_total.labels(reason=one.reason).inc()
        if refused and time.monotonic() >= self._warn_at:
            self._warn_at = time.monotonic() + _WARN_EVERY_S
            first, record = refused[0], records[refused[0].place]
            _LOG.warning(
                "%s[%d] at %d is no entry of the account directory: %s: %s (%d such by now are "
                "counted)",
                self._topic, record.partition, record.offset, first.reason, first.detail,
                len(refused),
            )  # fmt: skip
        self._written_s = max(self._written_s, *(record.timestamp / 1000 for record in records))
        self._metrics.directory_entries.set(len(self._directory))
        self._metrics.directory_written_timestamp_seconds.set(self._written_s)
        self._positions |= {
            TopicPartition(record.topic, record.partition): record.offset + 1 for record in records
        }

    async def _forget(self) -> None:
        """Do nothing: entries stay valid until newer ones arrive."""

    async def _close(self) -> None:
        """Do nothing: there is no other connection."""
