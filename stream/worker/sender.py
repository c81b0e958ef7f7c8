"""Sends emissions through one producer and tracks which are not acknowledged yet.

Order within a partition is kept. A record that cannot be delivered is an error for the worker,
never a record skipped.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from stream.core.errors import BrokerError
from stream.kafka.connection import client_options
from stream.kafka.topics import topic_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.records import Emission
    from stream.kafka.settings import KafkaSettings, TopicSettings

_BATCH_BYTES: Final = 1_048_576
_STOP_TIMEOUT_S: Final = 5.0


def producer(kafka: KafkaSettings, topics: TopicSettings, **options: Any) -> AIOKafkaProducer:  # noqa: ANN401 - aiokafka's options
    """Return a producer (not started) that waits for every in-sync replica."""
    return AIOKafkaProducer(
        **client_options(kafka),
        acks="all",
        compression_type=None if kafka.compression == "none" else kafka.compression,
        max_batch_size=_BATCH_BYTES,
        max_request_size=topics.max_record_bytes,
        **options,
    )


async def close_quietly(producer: AIOKafkaProducer) -> None:
    """Disconnect without waiting for a broker that does not answer or refuses.

    The producer would retry undelivered records for ever.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_STOP_TIMEOUT_S):
            await producer.stop()


class Sender:
    """Sends the output of every stage; aiokafka bounds memory by one batch for each partition."""

    def __init__(self, kafka: KafkaSettings, topics: TopicSettings) -> None:
        """Prepare; :meth:`start` connects."""
        self._kafka = kafka
        self._topics = topics
        self._producer: AIOKafkaProducer | None = None
        self._outstanding: set[asyncio.Future[Any]] = set()
        self._failure: BaseException | None = None
        self._names: dict[str, str] = {}

    async def start(self) -> None:
        """Connect; idempotent production needs a broker with ``kafka.transactions``."""
        self._producer = producer(
            self._kafka, self._topics, enable_idempotence=self._kafka.transactions
        )
        try:
            await self._producer.start()
        except KafkaError as error:
            raise BrokerError(f"nothing can be sent: {type(error).__name__} {error}") from error

    async def stop(self) -> None:
        """Disconnect; unacknowledged records are sent again after the restart."""
        if self._producer is not None:
            await close_quietly(self._producer)

    async def send(self, emissions: Sequence[Emission]) -> None:
        """Pass emissions to the producer in order; :meth:`flush` waits until they are durable."""
        if self._producer is None:
            raise BrokerError("the worker is not connected yet")
        for emission in emissions:
            name = self._names.get(emission.role)
            if name is None:
                name = self._names[emission.role] = topic_of(self._topics, emission.role)
            try:
                future = await self._producer.send(
                    name,
                    None if emission.deletes else emission.value,
                    key=emission.key,
                    partition=emission.partition,
                    headers=list(emission.headers),
                )
            except KafkaError as error:
                raise _undelivered(name, error) from error
            self._outstanding.add(future)
            future.add_done_callback(self._acknowledged)

    async def flush(self) -> None:
        """Wait until everything sent before this call is acknowledged, or raise BrokerError."""
        waiting = list(self._outstanding)
        if waiting:
            await asyncio.wait(waiting)
        if self._failure is not None:
            raise _undelivered("a topic of the worker", self._failure) from self._failure

    def _acknowledged(self, future: asyncio.Future[Any]) -> None:
        self._outstanding.discard(future)
        if not future.cancelled() and future.exception() is not None:
            self._failure = self._failure or future.exception()


def _undelivered(name: str, error: BaseException) -> BrokerError:
    hint = ""
    if isinstance(error, MessageSizeTooLargeError):
        hint = "; allow topics.max_record_bytes there (max.message.bytes of the topic)"
    return BrokerError(f"{name}: a record was not delivered: {type(error).__name__} {error}{hint}")
