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
    """Make the topic and write it; ``told`` hears of how many records."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(kind.name, PARTITIONS, 1)])
    admin.close()
    return asyncio.run(_write(bootstrap, kind, events, told))


async def _write(bootstrap: str, kind: Kind, events: int, told: Callable[[int], None]) -> Expected:
    found = Expected()
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
                sent.append(await producer.send_batch(full, kind.name, partition=partition))
                told(written)
        for partition, batch in enumerate(batches):
            sent.append(await producer.send_batch(batch, kind.name, partition=partition))
        await asyncio.gather(*sent)
    return found
