"""The whole product on a broker while traffic comes in, and what it leaves behind to be compared.

Everything is the real thing: ``distillwatch worker`` processes, topics made by ``distillwatch
topics create``, records that a producer sends while the workers are being disturbed. What they
leave is read from Kafka alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from stream.core.errors import BrokerError
from stream.core.packets import event_rows, unpack
from stream.kafka.connection import connect
from stream.kafka.topics import STATE_TOPICS, state_topic_of, topic_of
from stream.metrics import Metrics
from stream.pipeline.build import accounts_task
from stream.settings import Settings, load
from stream.worker.record_batch import TP
from stream.worker.recovery import recover
from testlib.paths import ROOT
from testlib.ports import free_port
from testlib.until import until
from testlib.workers.cluster import Log, read_state
from testlib.workers.worker import Worker, start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

PARTITIONS = 4
TASKS = 2
#: Accounts of the events that end the day, one for each partition. Their own step stays open.
LAST = "end-"
#: Longer than any test. The clock of an idle partition goes on with the time that passes: after a
#: slow run the last step would be over and counted, after a fast one not.
NEVER_IDLE_S = 600
PROGRAM = (sys.executable, "-m", "stream.cli.main")
WORKER = (*PROGRAM, "worker")


@dataclass(frozen=True)
class Outcome:
    """What is left when everything has been processed: equal for equal events, whatever happened.

    Dead letters and alerts may be written again after a crash, so only different ones count.
    """

    requests: Counter[str]  # counted in the windows, by account
    state: dict[str, str]  # stage and task -> digest of its rows
    alerts: frozenset[bytes]
    dead_letters: frozenset[tuple[int, int, str]]  # source partition, offset, reason

    @property
    def events(self) -> int:
        return self.requests.total()

    def differences(self, other: Outcome) -> list[str]:
        """Return a line for each thing that is not as in ``other``: none when nothing is lost."""
        told = [
            f"{account}: {self.requests[account]} requests instead of {other.requests[account]}"
            for account in sorted(self.requests.keys() | other.requests.keys())
            if self.requests[account] != other.requests[account]
        ]
        told += [
            f"{task}: {self.state.get(task)} instead of {other.state.get(task)}"
            for task in sorted(self.state.keys() | other.state.keys())
            if self.state.get(task) != other.state.get(task)
        ]
        for what in ("alerts", "dead_letters"):
            mine, theirs = getattr(self, what), getattr(other, what)
            told += [f"{what}: more: {one}" for one in sorted(mine - theirs)]
            told += [f"{what}: missing: {one}" for one in sorted(theirs - mine)]
        return told


@dataclass
class Product:
    """Topics and workers of one run; ``run_id`` keeps it apart from others on the same brokers."""

    bootstrap: str
    run_id: str
    folder: Path
    copies: int = 1
    overrides: Mapping[str, str] = field(default_factory=dict)
    workers: list[Worker] = field(default_factory=list)

    def __post_init__(self) -> None:
        kept = {name: value for name, value in os.environ.items() if "DISTILLWATCH_" not in name}
        named = {
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "KAFKA_APP_ID": self.run_id,
            "KAFKA_COMMIT_INTERVAL_S": "0.5",
            # Short, so that the tests need not wait for long; the default is 10 s.
            "KAFKA_SESSION_TIMEOUT_S": "3",
            "KAFKA_HEARTBEAT_INTERVAL_S": "0.5",
            "TOPICS_REQUESTS": f"{self.run_id}.requests",
            "TOPICS_ALERTS": f"{self.run_id}.alerts",
            "TOPICS_DEADLETTER": f"{self.run_id}.dead",
            "TOPICS_INTERNAL_PREFIX": f"{self.run_id}.i.",
            "TOPICS_PARTITIONS": str(TASKS),
            "TOPICS_REQUESTS_PARTITIONS": str(PARTITIONS),
            "TOPICS_REPLICATION_FACTOR": str(self.copies),
            "WINDOWS_IDLE_TIMEOUT_S": str(NEVER_IDLE_S),
            "HTTP_HOST": "127.0.0.1",
            **self.overrides,
        }
        self.environment = kept | {f"DISTILLWATCH_{name}": value for name, value in named.items()}
        self.environment["PYTHONPATH"] = f"{ROOT}{os.pathsep}{ROOT / 'tests'}"
        self.settings: Settings = load(None, self.environment)

    # -- what is done to it -------------------------------------------------------------------

    def create_topics(self) -> None:
        command = [*PROGRAM, "topics", "create"]
        subprocess.run(command, env=self.environment, check=True, capture_output=True, timeout=120)

    def start(
        self, command: Sequence[str] = WORKER, output: int | None = None, **options: Any
    ) -> Worker:
        """Start a worker; ``options`` go to the process, ``output`` replaces the log."""
        log = self.folder / f"worker-{len(self.workers)}.log"
        environment = self.environment | {"DISTILLWATCH_HTTP_PORT": str(free_port())}
        worker = start(environment, log, *command, output=output, **options)
        self.workers.append(worker)
        return worker

    def start_ready(self, **options: Any) -> Worker:
        worker = self.start(**options)
        self.until(worker.ready, within_s=60, what="a ready worker")
        return worker

    @contextmanager
    def traffic(
        self, lines: Sequence[bytes], *, seconds: float, partitions: int = PARTITIONS
    ) -> Iterator[threading.Event]:
        """Send ``lines`` over ``seconds`` while the block runs; it ends when all are written.

        Line i goes to partition i modulo the number of partitions, so every run has the same
        records at the same offsets. The event yielded is set once everything is written.
        """
        done, failures = threading.Event(), []

        def run() -> None:
            try:
                asyncio.run(_produce(self.settings, lines, seconds, partitions))
            except BaseException as error:  # noqa: BLE001 - raised where the test is
                failures.append(error)
            finally:
                done.set()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield done
        finally:
            thread.join()
        if failures:
            raise failures[0]

    def finish(self, *, within_s: float = 120) -> Outcome:
        """Wait until everything is processed, end the workers, and return what is left."""
        self.until(self.idle, within_s=within_s, what="end of the work")
        for worker in self.running:
            assert worker.stop() == 0, self.logs()
        return asyncio.run(_outcome(self.settings))

    def close(self) -> None:
        for worker in self.running:
            worker.process.send_signal(signal.SIGCONT)
            worker.kill()

    # -- what is seen of it -------------------------------------------------------------------

    @property
    def running(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.process.poll() is None]

    def idle(self) -> bool:
        """Say whether every record of every topic is processed and committed."""
        try:
            return not self.behind()
        except BrokerError:  # a broker that has just started does not know the group yet
            return False

    def behind(self) -> dict[str, int]:
        """Return by how many records the commits are behind the ends, where they are."""
        topics = [self.settings.topics.requests, *self._internal()]
        with connect(self.settings.kafka) as admin:
            group = admin.list_group_offsets(self.run_id).get(self.run_id, {})
        committed = {TopicPartition(tp.topic, tp.partition): o.offset for tp, o in group.items()}
        ends = asyncio.run(_ends(self.settings, topics))
        return {
            f"{tp.topic}[{tp.partition}]": end - max(committed.get(tp, 0), 0)
            for tp, end in ends.items()
            if max(committed.get(tp, 0), 0) < end
        }

    def until(self, holds: Callable[[], object], *, within_s: float, what: str) -> None:
        until(holds, what=what, within_s=within_s, detail=self.logs)

    def logs(self) -> str:
        parts = [f"{w.log_file.name}: {w.log[-3000:]}" for w in self.workers[-4:]]
        with suppress(Exception):
            parts.append(f"behind: {self.behind()}")
        return "\n".join(parts)

    def _internal(self) -> list[str]:
        return [topic_of(self.settings.topics, role) for role in STATE_TOPICS]


def state_of(product: Product, role: str) -> list[Log]:
    """Return the changelogs of a stage, task by task."""
    tasks = 1 if role == "findings" else TASKS
    return read_state(state_topic_of(product.settings.topics, role), tasks, product.settings.kafka)


def sent_again(product: Product) -> int:
    """Return how many events are in the accounts' topic more than once; a record has one here."""
    topic = topic_of(product.settings.topics, "events")
    sent: Counter[tuple[int, int]] = Counter()
    for record in asyncio.run(_read(product.settings, topic)):
        packet = unpack(record.value)
        sent.update((packet.source, at) for at in event_rows(packet).columns["offset"].tolist())
    return sent.total() - len(sent)


def delete(product: Product, topic: str) -> None:
    with connect(product.settings.kafka) as admin:
        admin.delete_topics([topic])
        product.until(
            lambda: topic not in {one["name"] for one in admin.describe_topics()},
            within_s=30,
            what="deletion",
        )


def make_again(product: Product, topic: str, partitions: int) -> None:
    """Delete a topic and make one of the same name."""
    delete(product, topic)
    with connect(product.settings.kafka) as admin:
        admin.create_topics({topic: {"num_partitions": partitions, "replication_factor": 1}})
        admin.wait_for_topics([topic])


def undisturbed(bootstrap: str, lines: Sequence[bytes], folder: Path) -> Outcome:
    """Return what one worker leaves behind that nobody disturbs."""
    product = Product(bootstrap, f"c{uuid.uuid4().hex[:8]}", folder)
    try:
        product.create_topics()
        product.start_ready()
        with product.traffic(lines, seconds=0):
            pass
        return product.finish()
    finally:
        product.close()


async def _produce(
    settings: Settings, lines: Sequence[bytes], seconds: float, partitions: int
) -> None:
    topic = settings.topics.requests
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka.bootstrap_servers,
        # In order and once, whatever happens to the brokers; the embedded one cannot.
        enable_idempotence=settings.kafka.transactions,
        linger_ms=5,
        request_timeout_ms=120_000,
        retry_backoff_ms=200,
    )
    await producer.start()
    try:
        began, pending = time.monotonic(), set()
        for i, line in enumerate(lines):
            future = await producer.send(topic, line, partition=i % partitions)
            pending.add(future)
            future.add_done_callback(pending.discard)
            pause = began + seconds * i / len(lines) - time.monotonic()
            if pause > 0.01:
                await asyncio.sleep(pause)
        await producer.flush()
    finally:
        await producer.stop()


def read_topic(settings: Settings, topic: str) -> list[bytes]:
    """Return the value of every record of a topic, partition by partition."""
    return [record.value for record in asyncio.run(_read(settings, topic))]


def requests_counted(settings: Settings) -> Counter[str]:
    """Return the requests that the stored windows have counted, by account."""
    logs = read_state(state_topic_of(settings.topics, "events"), TASKS, settings.kafka)
    found: Counter[str] = Counter()
    for number, log in enumerate(logs):
        found += _requests(settings, number, log)
    return found


async def _ends(settings: Settings, topics: Sequence[str]) -> dict[TopicPartition, int]:
    async with _reader(settings) as consumer:
        tps = await _partitions(consumer, topics)
        return dict(await consumer.end_offsets(tps))


async def _outcome(settings: Settings) -> Outcome:
    state: dict[str, str] = {}
    requests: Counter[str] = Counter()
    for role in STATE_TOPICS:
        tasks = 1 if role == "findings" else TASKS
        logs = {TP(state_topic_of(settings.topics, role), task): Log() for task in range(tasks)}
        await recover(logs, settings.kafka)
        for tp, found in logs.items():
            state[f"{role}-{tp.partition}"] = _digest(found.rows)
            if role == "events":
                requests += _requests(settings, tp.partition, found)
    alerts = await _read(settings, settings.topics.alerts)
    dead = await _read(settings, settings.topics.deadletter)
    return Outcome(
        requests,
        state,
        frozenset(record.value for record in alerts),
        frozenset(_whence(dict(record.headers)) for record in dead),
    )


def _digest(rows: Mapping[bytes, bytes]) -> str:
    whole = hashlib.sha256()
    for key, value in sorted(rows.items()):
        whole.update(msgspec.msgpack.encode((key, value)))
    return f"{len(rows)} rows {whole.hexdigest()[:16]}"


def _requests(settings: Settings, number: int, stored: Log) -> Counter[str]:
    """Return the requests of each account that the stored windows have counted."""
    task = accounts_task(settings.stages, number, Metrics())
    task.load(list(stored.rows.items()))
    table = task._stage._state.table  # type: ignore[attr-defined]
    sums = table["ring_week"][:, 0].sum(axis=1)
    return Counter({table.name(slot): int(sums[slot]) for slot in table.columns.in_use.tolist()})


def _whence(headers: Mapping[str, bytes]) -> tuple[int, int, str]:
    partition, offset = int(headers["source_partition"]), int(headers["source_offset"])
    return partition, offset, headers["reason"].decode()


def _reader(settings: Settings) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        bootstrap_servers=settings.kafka.bootstrap_servers,
        auto_offset_reset="earliest",
        group_id=None,
    )


async def _read(settings: Settings, topic: str) -> list:
    """Return every record of a topic."""
    found = []
    async with _reader(settings) as consumer:
        tps = await _partitions(consumer, [topic])
        consumer.assign(tps)
        ends = await consumer.end_offsets(tps)
        while any([await consumer.position(tp) < end for tp, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += records
    return found


async def _partitions(consumer: AIOKafkaConsumer, topics: Sequence[str]) -> list[TopicPartition]:
    found = []
    for topic in topics:
        partitions = await consumer._client._wait_on_metadata(topic)  # type: ignore[attr-defined]
        found += [TopicPartition(topic, partition) for partition in partitions]
    return found
