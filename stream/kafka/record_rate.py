"""How many records a topic has taken in the last day, by its offsets: it reads none."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from stream.core.errors import BrokerError
from stream.kafka.connection import client_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.kafka.settings import KafkaSettings

_DAY_S: Final = 86400.0


async def records_a_day(connection: Mapping[str, Any], topic: str, time: float) -> int:
    """Return the records of the day before ``time`` (epoch seconds), by their timestamps.

    ``connection`` goes to aiokafka. 0 where they have none. Topics that keep records for less than
    a day give fewer. Raises KafkaError where no broker answers.
    """
    consumer = AIOKafkaConsumer(
        topic,
        **connection,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="latest",  # so nothing is fetched
    )
    try:
        await consumer.start()
        partitions = list(consumer.assignment())
        ends = await consumer.end_offsets(partitions)
        since_ms = int((time - _DAY_S) * 1000)
        starts = await consumer.offsets_for_times(dict.fromkeys(partitions, since_ms))
    finally:
        await consumer.stop()
    return sum(max(ends[tp] - start.offset, 0) for tp, start in starts.items() if start)


def records_of_the_last_day(kafka: KafkaSettings, topic: str, time: float) -> int:
    """Return the same for a command; raises BrokerError."""
    try:
        return asyncio.run(records_a_day(client_options(kafka), topic, time))
    except KafkaError as error:
        raise BrokerError(
            f"broker {kafka.bootstrap_servers}: {topic} cannot be measured: {error}"
        ) from error
