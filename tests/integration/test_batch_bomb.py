"""A batch of some kilobytes that becomes gigabytes ends a real worker with one line."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaProducer

from stream.settings import load
from testlib.workers.command import run, settings
from testlib.workers.worker import worker

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

MIB = 2**20


async def produce(bootstrap: str, topic: str) -> None:
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, compression_type="zstd", max_batch_size=400 * MIB
    ) as producer:
        batch = producer.create_batch()
        for _ in range(300):
            assert batch.append(key=None, value=bytes(MIB), timestamp=None)
        await (await producer.send_batch(batch, topic, partition=0))


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
