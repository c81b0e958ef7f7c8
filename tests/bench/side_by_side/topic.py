"""Fills a topic with a kind of traffic, in whole batches."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from aiokafka import AIOKafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from side_by_side.traffic import PARTITIONS, Expected, records

if TYPE_CHECKING:
    from collections.abc import Callable

    from side_by_side.traffic import Kind

_BATCH_BYTES: Final = 524_288
#: How long ago the last event was: those that close the windows come an hour after it.
_AGO_S: Final = 7200.0


def fill(bootstrap: str, kind: Kind, events: int, told: Callable[[int], None]) -> Expected:
    """Make a topic of so many events and write it; ``told`` hears of how many records."""
    found = Expected(topic=f"{kind.name}-{events}")
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(found.topic, PARTITIONS, 1)])
    admin.close()
    asyncio.run(_write(bootstrap, kind, events, found, told))
    return found


async def _write(
    bootstrap: str, kind: Kind, events: int, found: Expected, told: Callable[[int], None]
) -> None:
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, max_batch_size=_BATCH_BYTES, acks=1
    ) as producer:
        batches = [producer.create_batch() for _ in range(PARTITIONS)]
        sent = []
        rows = records(kind, events, time.time() - _AGO_S, found)
        for written, (key, value, partition) in enumerate(rows):
            if batches[partition].append(key=key, value=value, timestamp=None) is None:
                full, batches[partition] = batches[partition], producer.create_batch()
                batches[partition].append(key=key, value=value, timestamp=None)
                sent.append(await producer.send_batch(full, found.topic, partition=partition))
                told(written)
        for partition, batch in enumerate(batches):
            sent.append(await producer.send_batch(batch, found.topic, partition=partition))
        await asyncio.gather(*sent)
