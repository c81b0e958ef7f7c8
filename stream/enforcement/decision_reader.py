"""Follows the decisions topic, and what belongs to it; an outage changes nothing that is known."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer

from stream.decisions.register import Reading, Register
from stream.decisions.signature import Signer, signature_of
from stream.delivery.topic_reader import METADATA_AGE_MS, TopicReader, close_consumer
from stream.kafka.ends import EndTracker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.decisions.settings import DecisionSettings
    from stream.delivery.metrics import DeliveryMetrics

#: Takes in key, value and signature of a record, and returns what it was.
TakeIn = Callable[[bytes | None, bytes | None, bytes | None], Reading]
_POLL_MS: Final = 200
_STOP_GRACE_S: Final = 1.0
#: Records are verified one after the other, and what else the process does waits for as many.
_MOST_RECORDS: Final = 200


class DecisionReader(TopicReader):
    """``start`` and ``stop`` it; :attr:`register` has what the topic has."""

    def __init__(
        self,
        settings: DecisionSettings,
        *,
        name: str,
        topic: str,
        connection: Mapping[str, Any],
        exact: bool,
        metrics: DeliveryMetrics,
        others: Mapping[str, TakeIn] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``connection`` goes to aiokafka. Raises SettingsError without a key.

        ``others``: further topics, and what takes in key, value and signature of their records.
        """
        super().__init__(name, topic, metrics, stop_grace_s=_STOP_GRACE_S)
        self._connection = connection
        self._exact = exact
        self._clock = clock
        self._position = 0  # the offset to read next
        self._moved = asyncio.Condition()
        self.register = Register(Signer(settings.key), most=settings.max_decisions)
        self._takes = {**(others or {}), topic: self.register.read}
        #: When the brokers last answered, epoch seconds; 0 until the topic was read to its end.
        self.read_at_s = 0.0

    @property
    def age_s(self) -> float:
        """Return how old the state may be, infinite before the topic was read once."""
        return self._clock() - self.read_at_s if self.read_at_s else float("inf")

    async def reach(self, offset: int) -> None:
        """Wait until the record at ``offset`` has been read."""
        async with self._moved:
            await self._moved.wait_for(lambda: self._position > offset)

    @abstractmethod
    async def _take_in(self, *, changed: bool) -> None:
        """Look at what is known after a poll; ``changed``: some of it has."""

    async def _consume(self) -> None:
        consumer = AIOKafkaConsumer(
            *self._takes,
            **self._connection,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=_MOST_RECORDS,
            metadata_max_age_ms=METADATA_AGE_MS,
        )
        try:
            await consumer.start()
            left = set(consumer.assignment())
            ends = EndTracker(consumer, await consumer.end_offsets(left), exact=self._exact)
            while left and not self._stopping.is_set():
                await self._poll(consumer)
                await asyncio.sleep(0)  # what is fetched already would be read without a pause
                left.difference_update(await ends.reached(left))
            await self._take_in(changed=True)
            while not self._stopping.is_set():
                await self._take_in(changed=await self._poll(consumer))
                self._note_answer(consumer)
        finally:
            await close_consumer(consumer)

    async def _poll(self, consumer: AIOKafkaConsumer) -> bool:
        """Read what is there; return whether anything has changed."""
        batches = await consumer.getmany(timeout_ms=_POLL_MS)
        self._failures = 0
        readings = [
            self._takes[partition.topic](record.key, record.value, signature_of(record.headers))
            for partition, records in batches.items()
            for record in records
        ]
        read = [
            ones[-1].offset for partition, ones in batches.items() if partition.topic == self._topic
        ]
        if read:
            async with self._moved:
                self._position = max(read) + 1
                self._moved.notify_all()
        return Reading.NEWER in readings

    def _note_answer(self, consumer: AIOKafkaConsumer) -> None:
        """Note when a broker last answered a fetch: a client that is cut off just gets nothing."""
        answers = [consumer.last_poll_timestamp(tp) for tp in consumer.assignment()]
        if answers and None not in answers:
            self.read_at_s = min(answer for answer in answers if answer is not None) / 1000

    async def _forget(self) -> None:
        """Keep what is known: it is better than nothing."""
        self._position = 0

    async def _close(self) -> None:
        """Every connection is closed where it was opened."""
