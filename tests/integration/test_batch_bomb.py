"""A batch of some kilobytes that becomes gigabytes ends a real worker with one line."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from stream.core.errors import BrokerError
from stream.kafka.topic_scan import scan_consumer
from stream.settings import load
from testlib.workers.command import run, settings
from testlib.workers.worker import worker

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

MIB = 2**20


async def produce(bootstrap: str, topic: str, mebibytes: int = 300, *, around: int = 0) -> None:
    """Write a batch that becomes so large, with ``around`` small records before and behind it."""
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, compression_type="zstd", max_batch_size=400 * MIB
    ) as producer:
        for size, records in ((10, around), (MIB, mebibytes), (10, around)):
            batch = producer.create_batch()
            for _ in range(records):
                assert batch.append(key=None, value=bytes(size), timestamp=None)
            if records:
                await (await producer.send_batch(batch, topic, partition=0))


async def read(environment: dict[str, str], topic: str) -> list[list[int]]:
    """Return the offsets of each portion; read on where a batch that is refused says."""
    portions: list[list[int]] = []
    async with scan_consumer(load(None, environment).kafka, topic) as consumer:
        partition = TopicPartition(topic, 0)
        end = (await consumer.end_offsets([partition]))[partition]
        while await consumer.position(partition) < end:
            try:
                found = await consumer.getmany(partition, timeout_ms=500)
            except BrokerError as error:
                behind = re.search(r"begins at offset (\d+)$", str(error))
                assert behind
                portions.append([])
                consumer.seek(partition, int(behind[1]))
            else:
                portions += [[record.offset for record in records] for records in found.values()]
    return portions


def test_what_is_before_and_behind_such_a_batch_is_read(bootstrap: str, broker: str) -> None:
    environment = settings(bootstrap, kafka_transactions=str(broker == "kafka").lower())
    topic = load(None, environment).topics.requests
    assert run(environment, "topics", "create").returncode == 0
    asyncio.run(produce(bootstrap, topic, around=10))
    portions = asyncio.run(read(environment, topic))
    assert portions == [[*range(10)], [], [*range(310, 320)]]


def test_a_fetch_of_many_batches_comes_in_portions(bootstrap: str, broker: str) -> None:
    environment = settings(bootstrap, kafka_transactions=str(broker == "kafka").lower())
    topic = load(None, environment).topics.requests
    assert run(environment, "topics", "create").returncode == 0
    for _ in range(4):
        asyncio.run(produce(bootstrap, topic, 60))
    portions = asyncio.run(read(environment, topic))
    assert [offset for portion in portions for offset in portion] == [*range(240)]
    assert max(map(len, portions)) <= 129  # of one MiB


def test_a_batch_that_becomes_gigabytes_ends_the_worker_with_one_line(
    bootstrap: str, broker: str, tmp_path: Path
) -> None:
    environment = settings(bootstrap, kafka_transactions=str(broker == "kafka").lower())
    topic = load(None, environment).topics.requests
    assert run(environment, "topics", "create").returncode == 0
    asyncio.run(produce(bootstrap, topic))
    with worker(environment, tmp_path) as running:
        code = running.process.wait(240)
        log = running.log
    assert code == 1
    last = log.splitlines()[-1]
    assert last.startswith("distillwatch: ")
    assert f"{topic}[0]: the batch of records at offset 0 cannot be unpacked" in last
    assert "more than 128 MiB" in last
    assert last.endswith("begins at offset 300")
