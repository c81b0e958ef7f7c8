"""What the integration tests do to a broker, and the worker processes they start."""

import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from kafka import KafkaProducer

from stream.kafka.connection import connect
from stream.kafka.settings import KafkaSettings
from stream.kafka.topics import create
from stream.worker.record_batch import TP
from stream.worker.recovery import recover
from testlib.paths import ROOT
from testlib.workers import counting_worker
from testlib.workers.worker import Worker, start

PROGRAM = Path(__file__).with_name("counting_worker.py")


@dataclass
class Log:
    """The content of a changelog."""

    rows: dict[bytes, bytes] = field(default_factory=dict)
    schema: bytes | None = None
    checkpoint: bytes | None = None

    def check(self, schema: bytes | None) -> bool:
        self.schema = schema
        return True

    def load(self, rows: list[tuple[bytes, bytes | None]]) -> None:
        for key, row in rows:
            if row is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = row

    def restore(self, checkpoint: bytes | None) -> None:
        self.checkpoint = checkpoint


def read_state(topic: str, tasks: int, kafka: KafkaSettings) -> list[Log]:
    """Return the changelogs of a stage."""
    logs = {TP(topic, task): Log() for task in range(tasks)}
    asyncio.run(recover(logs, kafka))
    return list(logs.values())


class _Damaged(str):
    """Text whose bytes are no UTF-8."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        del encoding, errors
        return b"\xff\xfe"


@dataclass
class Cluster:
    """One broker and the topics of one test."""

    bootstrap: str
    run_id: str
    transactions: bool
    workers: list[Worker] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.kafka = counting_worker.kafka(
            self.bootstrap, self.run_id, transactions=self.transactions
        )
        self.topics = counting_worker.topics(self.run_id)

    def create(self) -> None:
        with connect(self.kafka) as admin:
            create(admin, self.topics)

    def start(self, *options: str) -> Worker:
        with tempfile.NamedTemporaryFile(suffix=".log", delete=False) as log:
            options += () if self.transactions else ("embedded",)
        command = (sys.executable, str(PROGRAM), self.bootstrap, self.run_id, *options)
        worker = start(os.environ | {"PYTHONPATH": str(ROOT)}, Path(log.name), *command)
        self.workers.append(worker)
        return worker

    def close(self) -> None:
        for worker in self.workers:
            with contextlib.suppress(ProcessLookupError):
                worker.kill()
            worker.log_file.unlink()

    def produce(self, names: list[str]) -> None:
        async def send() -> None:
            producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=5)
            await producer.start()
            try:
                futures = [
                    await producer.send(self.topics.requests, name.encode(), partition=i % 4)
                    for i, name in enumerate(names)
                ]
                await asyncio.gather(*futures)
            finally:
                await producer.stop()

        asyncio.run(send())

    def produce_with_damaged_header(self, names: list[str]) -> None:
        """Send names with a header whose name is no UTF-8; kafka-python leaves encoding to it."""
        producer = KafkaProducer(bootstrap_servers=self.bootstrap)
        for i, name in enumerate(names):
            headers = [(_Damaged("name"), b"value")]
            producer.send(self.topics.requests, name.encode(), headers=headers, partition=i % 4)
        producer.flush()
        producer.close()

    def read(self, topic: str, until: Callable[[bytes], bool], within_s: float) -> list[bytes]:
        """Return the values of the topic's partition 0 up to the one that ends it."""

        async def consume() -> list[bytes]:
            consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, group_id=None)
            await consumer.start()
            consumer.assign([TopicPartition(topic, 0)])
            consumer.seek(TopicPartition(topic, 0), 0)
            found: list[bytes] = []
            deadline = time.monotonic() + within_s
            try:
                while time.monotonic() < deadline:
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        found += [record.value or b"" for record in records]
                    if found and until(found[-1]):
                        break
            finally:
                await consumer.stop()
            return found

        return asyncio.run(consume())

    def wait_total(self, total: int, within_s: float = 40) -> None:
        """Wait until the workers have counted ``total`` records."""
        found = self.read(self.topics.alerts, lambda value: int(value) >= total, within_s)
        assert found, self.logs()
        assert int(found[-1]) == total, self.logs()

    def wait_more(self, total: int, within_s: float = 40) -> None:
        """Wait until the workers have counted more than ``total`` records."""
        found = self.read(self.topics.alerts, lambda value: int(value) > total, within_s)
        assert found, self.logs()
        assert int(found[-1]) > total, self.logs()

    def counts(self) -> Counter[str]:
        """Return what the state topics say about every account."""
        return Counter({k.decode(): int(v) for log in self.state() for k, v in log.rows.items()})

    def last_applied(self) -> dict[str, int]:
        """Return up to which offset each source partition is counted."""
        last_applied: Counter[str] = Counter()
        for log in self.state():
            if log.checkpoint is not None:
                last_applied |= Counter(json.loads(log.checkpoint)[1])
        return dict(last_applied)

    def state(self) -> list[Log]:
        return read_state(f"{self.topics.internal_prefix}accounts-state", 4, self.kafka)

    def committed(self) -> dict[int, int]:
        """Return the group's committed offsets of the source topic."""
        with connect(self.kafka) as admin:
            found = admin.list_group_offsets(self.run_id)
        return {
            tp.partition: offset.offset
            for tp, offset in found.get(self.run_id, {}).items()
            if tp.topic == self.topics.requests
        }

    def logs(self) -> str:
        return "\n".join(worker.log for worker in self.workers)


@contextlib.contextmanager
def cluster(bootstrap: str, run_id: str, *, transactions: bool) -> Iterator[Cluster]:
    made = Cluster(bootstrap, run_id, transactions)
    try:
        yield made
    finally:
        made.close()
