"""Decisions in memory: the topic is read whole and followed; an outage changes nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer

from stream.decisions.guard_rails import GuardRails
from stream.decisions.in_force import InForce
from stream.decisions.register import Reading, Register
from stream.decisions.signature import Signer, signature_of
from stream.delivery.topic_reader import METADATA_AGE_MS, TopicReader, close_consumer
from stream.kafka.ends import EndTracker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stream.core.decisions import Decision
    from stream.decisions.settings import DecisionSettings
    from stream.delivery.metrics import DeliveryMetrics

NAME: Final = "enforcer"
_POLL_MS: Final = 200
_STOP_GRACE_S: Final = 1.0
_MOST_RECORDS: Final = 10_000


class DecisionFeed(TopicReader):
    """``start`` and ``stop`` it; :attr:`in_force` is replaced whenever a decision changes."""

    def __init__(
        self,
        settings: DecisionSettings,
        *,
        topic: str,
        connection: Mapping[str, Any],
        exact: bool,
        metrics: DeliveryMetrics,
        renewed: Callable[[InForce, Sequence[Decision]], None] = lambda *_: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``connection`` goes to aiokafka. Raises SettingsError without a key.

        ``renewed`` gets the table, and what is new in it, before anything is answered from it.
        """
        super().__init__(NAME, topic, metrics, stop_grace_s=_STOP_GRACE_S)
        self._connection = connection
        self._exact = exact
        self._rails = GuardRails(settings)
        self._renewed = renewed
        self._clock = clock
        self.register = Register(Signer(settings.key), most=settings.max_decisions)
        self.in_force = InForce.of(self.register, self._rails, clock())
        #: When the brokers last answered, epoch seconds; 0 until the topic was read to its end.
        self.read_at_s = 0.0

    @property
    def age_s(self) -> float:
        """Return how old the state may be, infinite before the topic was read once."""
        return self._clock() - self.read_at_s if self.read_at_s else float("inf")

    async def _consume(self) -> None:
        consumer = AIOKafkaConsumer(
            self._topic,
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
                left.difference_update(await ends.reached(left))
            self._renew()
            while not self._stopping.is_set():
                if await self._poll(consumer) or self._clock() >= self.in_force.next_end:
                    self._renew()
                self._note_answer(consumer)
        finally:
            await close_consumer(consumer)

    async def _poll(self, consumer: AIOKafkaConsumer) -> bool:
        """Read what is there; return whether a decision has changed."""
        batches = await consumer.getmany(timeout_ms=_POLL_MS)
        self._failures = 0
        readings = [
            self.register.read(record.key, record.value, signature_of(record.headers))
            for records in batches.values()
            for record in records
        ]
        return Reading.NEWER in readings

    def _renew(self) -> None:
        in_force = InForce.of(self.register, self._rails, self._clock())
        known = self.in_force.decisions
        self._renewed(
            in_force, [one for one in in_force.decisions.values() if one.key not in known]
        )
        self.in_force = in_force

    def _note_answer(self, consumer: AIOKafkaConsumer) -> None:
        """Note when a broker last answered a fetch: a client that is cut off just gets nothing."""
        answers = [consumer.last_poll_timestamp(tp) for tp in consumer.assignment()]
        if answers and None not in answers:
            self.read_at_s = min(answer for answer in answers if answer is not None) / 1000

    async def _forget(self) -> None:
        """Keep what is known: it is better than nothing."""

    async def _close(self) -> None:
        """Every connection is closed where it was opened."""
