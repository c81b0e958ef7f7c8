"""Reads all of a topic, in no group and without committing; what it says is the caller's."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer

from stream.kafka.connection import client_options
from stream.kafka.ends import Ends

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from aiokafka import ConsumerRecord

    from stream.kafka.settings import KafkaSettings

POLL_MS: Final = 300
#: Unpacking so many records keeps the event loop for some milliseconds.
PORTION: Final = 2_000


@asynccontextmanager
async def whole(
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


async def to_end(
    consumer: AIOKafkaConsumer, *, exact: bool
) -> AsyncIterator[Sequence[ConsumerRecord]]:
    """Yield the records up to the end of now; unless ``exact``, the broker may tell it too low."""
    left = set(consumer.assignment())
    ends = Ends(consumer, await consumer.end_offsets(left), exact=exact)
    while left:
        portion = await consumer.getmany(timeout_ms=POLL_MS)
        records = [record for found in portion.values() for record in found]
        left.difference_update(await ends.reached(left))
        yield records
