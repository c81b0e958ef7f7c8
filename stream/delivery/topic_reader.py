"""Reads the alerts topic in the background while the worker runs, and survives broker failures."""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from random import Random
from typing import TYPE_CHECKING, Final

from stream.delivery.backoff import full_jitter

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, ConsumerRecord

    from stream.delivery.metrics import DeliveryMetrics

_LOG = logging.getLogger("stream.delivery.topic_reader")
_FIRST_RETRY_S, _LONGEST_RETRY_S = 1.0, 30.0
_STOP_SLACK_S: Final = 3.0  # to commit and leave the group
#: A recreated topic is noticed within this time; the default of aiokafka is five minutes.
METADATA_AGE_MS: Final = 10_000


class TopicReader(ABC):
    """``start`` and ``stop`` it beside the worker, in the same loop."""

    def __init__(
        self, name: str, topic: str, metrics: DeliveryMetrics, *, stop_grace_s: float
    ) -> None:
        """``name`` is the sink's; :meth:`_consume` gets ``stop_grace_s`` to end."""
        self._name = name
        self._topic = topic
        self._grace_s = stop_grace_s
        self._broken = metrics.sink_broker_failures_total.labels(sink=name)
        self._failures = 0  # in a row
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start in the background; an unreachable broker is retried."""
        self._stopping.clear()
        self._task = asyncio.create_task(self._run(), name=f"reader-{self._name}")

    async def stop(self) -> None:
        """Give deliveries in progress a moment and leave the group; idempotent."""
        task, self._task = self._task, None
        if task is not None:
            self._stopping.set()
            await asyncio.wait([task], timeout=self._grace_s + _STOP_SLACK_S)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self._forget()
        await self._close()

    @abstractmethod
    async def _consume(self) -> None:
        """Read until :attr:`_stopping` is set; after any error it is called again."""

    @abstractmethod
    async def _forget(self) -> None:
        """Forget what was read: it will be read again."""

    @abstractmethod
    async def _close(self) -> None:
        """Close connections."""

    async def _run(self) -> None:
        random = Random()
        while not self._stopping.is_set():
            try:
                await self._consume()
            except Exception as error:  # noqa: BLE001 - no error may stop alerts
                self._failures += 1
                self._broken.inc()
                pause = full_jitter(
                    self._failures,
                    first_s=_FIRST_RETRY_S,
                    longest_s=_LONGEST_RETRY_S,
                    random=random,
                )
                _LOG.warning(
                    "%s: %s cannot be read: %s; retry in %.1f s",
                    self._name,
                    self._topic,
                    str(error) or type(error).__name__,
                    pause,
                )
                await self._forget()
                await wait(self._stopping, pause)


def written_s(record: ConsumerRecord) -> float:
    """Return when a record was written, epoch seconds; now, where it has no timestamp."""
    return record.timestamp / 1000 if record.timestamp > 0 else time.time()


async def close_consumer(consumer: AIOKafkaConsumer) -> None:
    """Leave the group and close all connections, even when a long join is cancelled."""
    try:
        await consumer.stop()
    finally:
        await consumer._client.close()  # noqa: SLF001 - aiokafka forgets them when cancelled


async def wait(event: asyncio.Event, timeout_s: float) -> None:
    """Wait for ``event``, at most ``timeout_s`` seconds."""
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        pass
