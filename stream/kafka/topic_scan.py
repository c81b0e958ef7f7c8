"""Reads a whole topic, without a group or commits; it interprets no record."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer

from stream.kafka.connection import client_options
from stream.kafka.ends import EndTracker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from aiokafka import ConsumerRecord

    from stream.kafka.settings import KafkaSettings

POLL_MS: Final = 300
#: Measured: unpacking as many records blocks the event loop for some milliseconds.
PORTION: Final = 2_000


@asynccontextmanager
async def scan_consumer(
    kafka: KafkaSettings,
    topic: str,
    **options: Any,  # noqa: ANN401 - of aiokafka
) -> AsyncIterator[AIOKafkaConsumer]:
    """Yield a consumer of all partitions, from their beginnings; ``options`` go to aiokafka."""
    consumer = AIOKafkaConsumer(
        topic,
        **client_options(kafka),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_records=PORTION,
        **options,
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def scan_to_end(
    consumer: AIOKafkaConsumer, *, exact: bool
) -> AsyncIterator[Sequence[ConsumerRecord]]:
    """Yield the records up to the current end; unless ``exact``, brokers may report it too low."""
    left = set(consumer.assignment())
    ends = EndTracker(consumer, await consumer.end_offsets(left), exact=exact)
    while left:
        portion = await consumer.getmany(timeout_ms=POLL_MS)
        records = [record for found in portion.values() for record in found]
        left.difference_update(await ends.reached(left))
        yield records
