"""Reads alerts and verdicts into the history of the page, and writes new verdicts.

Every worker reads both topics whole, without a group and without commits: the page of each worker
shows the findings of the whole deployment.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from stream.core.alerts import alert_in
from stream.core.feedback import Verdict
from stream.delivery.late_producer import LateProducer
from stream.delivery.topic_reader import TopicReader, close_consumer, written_s

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiokafka import ConsumerRecord

    from stream.delivery.metrics import DeliveryMetrics
    from stream.http.page.incident_history import IncidentHistory
    from stream.kafka.settings import TopicSettings

_LOG = logging.getLogger("stream.http.page.alert_feed")
NAME: Final = "page"
_POLL_S: Final = 0.5
_MOST_RECORDS: Final = 256
_WRITE_TIMEOUT_S: Final = 10.0
_verdict = msgspec.json.Decoder(Verdict).decode


class AlertFeed(TopicReader):
    """``start`` and ``stop`` it beside the worker."""

    def __init__(
        self,
        history: IncidentHistory,
        *,
        topics: TopicSettings,
        app: str,
        connection: Mapping[str, Any],
        metrics: DeliveryMetrics,
    ) -> None:
        """Prepare to read two topics; ``connection`` goes to aiokafka as it is."""
        super().__init__(NAME, topics.alerts, metrics, stop_grace_s=2 * _POLL_S)
        self._history = history
        self._verdicts = topics.verdicts
        self._connection = {**connection, "client_id": f"{app}-page"}
        self._producer = LateProducer(self._connection)

    async def write(self, verdict: Verdict) -> bool:
        """Write a verdict; return whether the brokers have it."""
        try:
            async with asyncio.timeout(_WRITE_TIMEOUT_S):
                producer = await self._producer.connected()
                await producer.send_and_wait(
                    self._verdicts, msgspec.json.encode(verdict), key=verdict.key.encode()
                )
        except (KafkaError, TimeoutError) as error:
            _LOG.warning("%s: a verdict was not written: %s", NAME, str(error) or "no answer")
            return False
        self._history.apply_verdict(verdict)
        return True

    async def _consume(self) -> None:
        consumer = AIOKafkaConsumer(
            self._topic,
            self._verdicts,
            **self._connection,
            group_id=None,
            auto_offset_reset="earliest",
        )
        try:
            await consumer.start()
            while not self._stopping.is_set():
                batches = await consumer.getmany(
                    timeout_ms=int(_POLL_S * 1000), max_records=_MOST_RECORDS
                )
                self._failures = 0
                for partition, records in batches.items():
                    apply = self._apply if partition.topic == self._topic else self._apply_verdict
                    for record in records:
                        apply(record)
        finally:
            await close_consumer(consumer)

    def _apply(self, record: ConsumerRecord) -> None:
        alert = alert_in(record.value)
        if alert is None:
            _skip(record)
        else:
            self._history.apply(alert, written_s(record))

    def _apply_verdict(self, record: ConsumerRecord) -> None:
        try:
            verdict = _verdict(record.value or b"")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            _skip(record)
        else:
            self._history.apply_verdict(verdict)

    async def _forget(self) -> None:
        self._history.clear()

    async def _close(self) -> None:
        await self._producer.close()


def _skip(record: ConsumerRecord) -> None:
    _LOG.warning("%s: %s: nothing to show at %d", NAME, record.topic, record.offset)
