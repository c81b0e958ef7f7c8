"""Keeps every replica of an Alertmanager up to date with the open alerts.

This is not a queue: like Prometheus it posts the whole state to each replica again and again, so no
replica has to remember and none can miss an end. The state is on the alerts topic; each worker
reads its partitions from the beginning whenever it gets them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.errors import KafkaError

from stream.core.alerts import alert_in
from stream.delivery.alertmanager_replicas import NAME, Replicas
from stream.delivery.dispatch import drill_metadata
from stream.delivery.metrics import DELIVERY_RESULTS
from stream.delivery.open_alerts import OpenAlerts
from stream.delivery.sink import RANK, group_of
from stream.delivery.topic_reader import METADATA_AGE_MS, TopicReader, close_consumer, written_s

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiokafka import ConsumerRecord, TopicPartition

    from stream.delivery.metrics import DeliveryMetrics
    from stream.delivery.settings import AlertmanagerSettings

_LOG = logging.getLogger("stream.delivery.alertmanager")
_POLL_S: Final = 0.5
_MOST_RECORDS: Final = 256
#: Until the next try when no replica has accepted the last (assumed).
_RETRY_S: Final = 5.0
#: Brokers that are down must not delay posts.
_COMMIT_S: Final = 5.0
#: Alertmanager resolves an alert after this many intervals without a post.
_INTERVALS: Final = 4
#: A longer queue is counted as this many states.
_MOST_UNPOSTED: Final = 100_000


class Alertmanager(TopicReader):
    """Reads the alerts topic and posts the open alerts; raises SettingsError for bad addresses."""

    def __init__(
        self,
        settings: AlertmanagerSettings,
        *,
        topic: str,
        app: str,
        connection: Mapping[str, Any],
        metrics: DeliveryMetrics,
        page: str = "",
    ) -> None:
        """Prepare to read ``topic``; ``connection`` goes to aiokafka as it is.

        ``page`` is the address of the page that annotations link to.
        """
        super().__init__(NAME, topic, metrics, stop_grace_s=settings.timeout_s)
        self._settings = settings
        self._replicas = Replicas(settings, metrics=metrics)
        self._metrics = metrics
        for result in DELIVERY_RESULTS:  # from 0: a rate does not see the first of a series
            metrics.sink_deliveries_total.labels(sink=NAME, result=result)
        self._options = {
            **connection,
            "group_id": group_of(app, NAME),
            "client_id": group_of(app, NAME),
            # Commits are for monitoring: the next reader of a partition reads all of it.
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "metadata_max_age_ms": METADATA_AGE_MS,
        }
        self._minimum = RANK[settings.minimum_severity]
        self._page = page
        self._open_alerts = OpenAlerts(page)
        #: Partition -> its end when it was assigned; empty: everything up to there is read.
        self._unread: dict[TopicPartition, int] = {}
        #: When the states that no replica has were written, epoch seconds.
        self._unposted: deque[float] = deque(maxlen=_MOST_UNPOSTED)
        #: Outcome of the last alert of a drill: see stream.tools.drill.
        self._drills: dict[TopicPartition, str] = {}
        self._committed: dict[TopicPartition, int] = {}

    async def _consume(self) -> None:
        consumer = AIOKafkaConsumer(**self._options)
        next_s = 0.0
        try:
            consumer.subscribe([self._topic], listener=_Assignment(self, consumer))
            await consumer.start()
            while not self._stopping.is_set():
                batches = await consumer.getmany(
                    timeout_ms=int(_POLL_S * 1000), max_records=_MOST_RECORDS
                )
                self._failures = 0
                changed = self._apply(batches)
                await self._advance(consumer)
                now_s = time.monotonic()
                if not self._unread and (changed or now_s >= next_s):
                    done = await self._post_all()
                    next_s = now_s + (self._settings.resend_s if done else _RETRY_S)
                if not self._unread and not self._unposted:
                    await self._commit(consumer)
        finally:
            await close_consumer(consumer)

    async def _forget(self) -> None:
        self._open_alerts = OpenAlerts(self._page)
        self._committed.clear()
        self._unread.clear()
        self._unposted.clear()

    async def _close(self) -> None:
        await self._replicas.close()

    def _apply(self, batches: Mapping[TopicPartition, Sequence[ConsumerRecord]]) -> bool:
        """Apply records to the open alerts; return whether any of them changes what is posted."""
        changed = False
        for partition, records in batches.items():
            for record in records:
                alert = alert_in(record.value)
                if alert is None:
                    self._count("invalid")
                    continue
                if alert.refresh:  # posted with the next interval
                    self._open_alerts.refresh(alert)
                    continue
                if alert.drill and self._settings.drills == "skip":
                    self._drills[partition] = drill_metadata(alert, "skipped")
                    self._count("skipped")
                    continue
                if alert.drill:
                    self._drills[partition] = drill_metadata(alert, "delivered")
                elif alert.status == "firing" and RANK[alert.severity] < self._minimum:
                    self._count("filtered")
                    continue
                at_s = written_s(record)
                self._open_alerts.apply(partition.partition, alert, at_s)
                if partition not in self._unread:
                    self._unposted.append(at_s)
                    changed = True
        return changed

    async def _commit(self, consumer: AIOKafkaConsumer) -> None:
        """Commit up to where the replicas know everything; posting continues when that fails."""
        try:
            async with asyncio.timeout(_COMMIT_S):
                reached = {tp: await consumer.position(tp) for tp in consumer.assignment()}
                if reached != self._committed:
                    drills = self._drills
                    await consumer.commit(
                        {tp: (o, drills.get(tp, "")) for tp, o in reached.items()}
                    )
                    self._committed = reached
        except (KafkaError, TimeoutError) as error:
            _LOG.info("%s: commit failed: %s", NAME, str(error) or type(error).__name__)

    async def _advance(self, consumer: AIOKafkaConsumer) -> None:
        for partition, end in list(self._unread.items()):
            if partition in consumer.assignment() and await consumer.position(partition) >= end:
                self._unread.pop(partition, None)

    async def _post_all(self) -> bool:
        """Post all open alerts to every replica; return whether one has them."""
        keep_s = _INTERVALS * self._settings.resend_s
        posted = await self._replicas.post(self._open_alerts.payload(time.time(), keep_s=keep_s))
        if posted:
            self._count("delivered", len(self._unposted))
            self._unposted.clear()
        labels = {"sink": NAME}
        self._metrics.sink_queue_length.labels(**labels).set(len(self._unposted))
        oldest_s = time.time() - min(self._unposted) if self._unposted else 0.0
        self._metrics.sink_oldest_seconds.labels(**labels).set(max(oldest_s, 0.0))
        return posted

    def _count(self, result: str, number: int = 1) -> None:
        self._metrics.sink_deliveries_total.labels(sink=NAME, result=result).inc(number)

    async def _assigned(
        self, consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]
    ) -> None:
        if partitions:
            begins = await consumer.beginning_offsets(list(partitions))
            self._unread = dict(await consumer.end_offsets(list(partitions)))
            for partition, first in begins.items():
                consumer.seek(partition, first)

    def _revoked(self, partitions: Sequence[TopicPartition]) -> None:
        for partition in partitions:
            self._open_alerts.forget_partition(partition.partition)
            self._unread.pop(partition, None)


class _Assignment(ConsumerRebalanceListener):
    """Follows which partitions this worker has."""

    def __init__(self, reader: Alertmanager, consumer: AIOKafkaConsumer) -> None:
        self._reader = reader
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        self._reader._revoked(revoked)  # noqa: SLF001 - its other half

    async def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        await self._reader._assigned(self._consumer, assigned)  # noqa: SLF001 - its other half
