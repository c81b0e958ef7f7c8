"""Loads a table that every worker holds whole from its compacted topic, and follows the topic.

The stages start after :meth:`TableFeed.start`, which ends when the topic has been read to its end,
so no event meets a table that is half loaded. Effects on alerts:
:mod:`stream.intake.directory.directory`.
"""

from __future__ import annotations

import abc
import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final, Protocol

from aiokafka import TopicPartition

from stream.delivery.topic_reader import METADATA_AGE_MS, TopicReader
from stream.kafka.topic_scan import POLL_MS, scan_consumer, scan_to_end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiokafka import AIOKafkaConsumer, ConsumerRecord

    from stream.kafka.settings import KafkaSettings
    from stream.worker.metrics import WorkerMetrics

#: Assumed: log interval of rejected records, however many there are.
_WARN_EVERY_S: Final = 30.0

Rows = list[tuple[bytes | None, bytes | None]]


class RejectedRow(Protocol):
    """A rejected record: its place among the given rows, and why."""

    @property
    def place(self) -> int:
        """Return the place."""
        ...

    @property
    def reason(self) -> str:
        """Return the reason, a label of metrics."""
        ...

    @property
    def detail(self) -> str:
        """Return the reason in words."""
        ...


class TableFeed(TopicReader):
    """``start`` loads the table and follows it in the background until ``stop``."""

    def __init__(
        self, name: str, what: str, *, kafka: KafkaSettings, topic: str, metrics: WorkerMetrics
    ) -> None:
        """``what`` is what a record is, in the log."""
        super().__init__(name, topic, metrics, stop_grace_s=2 * POLL_MS / 1000)
        self._what = what
        self._kafka = kafka
        self._loaded = asyncio.Event()
        self._warn_at = 0.0  # monotonic
        #: Where to resume after a broker was away: deletions of that time are still in the topic.
        self._positions: dict[TopicPartition, int] = {}

    @abc.abstractmethod
    def __len__(self) -> int:
        """Return how many rows the table has."""

    @abc.abstractmethod
    def load(self, rows: Rows) -> Sequence[RejectedRow]:
        """Load keys and values into the table, in a thread; return the rejected ones."""

    @abc.abstractmethod
    def note(self, refused: Sequence[RejectedRow], written_s: float) -> None:
        """Count what was loaded; ``written_s`` is the time of the newest record, epoch seconds."""

    async def start(self) -> None:
        """Return when the topic has been read to its end, however long brokers take."""
        started = time.monotonic()
        await super().start()
        await self._loaded.wait()
        logging.getLogger(type(self).__module__).info(
            "%s: %d rows loaded in %.1f s", self._topic, len(self), time.monotonic() - started
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
        rows = [(record.key, record.value) for record in records]
        refused = await asyncio.to_thread(self.load, rows)
        if refused and time.monotonic() >= self._warn_at:
            self._warn_at = time.monotonic() + _WARN_EVERY_S
            first, record = refused[0], records[refused[0].place]
            logging.getLogger(type(self).__module__).warning(
                "%s[%d] at %d is no %s: %s: %s (%d such by now are counted)",
                self._topic, record.partition, record.offset, self._what, first.reason,
                first.detail, len(refused),
            )  # fmt: skip
        self.note(refused, max(record.timestamp / 1000 for record in records))
        self._positions |= {
            TopicPartition(record.topic, record.partition): record.offset + 1 for record in records
        }

    async def _forget(self) -> None:
        """Do nothing: rows stay valid until newer ones arrive."""

    async def _close(self) -> None:
        """Do nothing: there is no other connection."""
