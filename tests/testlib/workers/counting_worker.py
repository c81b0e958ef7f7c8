"""A worker with stages that only count: what it counts shows what transport and state lose.

``python counting_worker.py BOOTSTRAP RUN [OPTION ...]``; the source topic has account names as
values, and RUN keeps the topics of one test apart from those of another. Options: ``embedded``;
``slow`` takes seconds to load state, longer than brokers are given to answer a request; ``sought``
seeks its partitions again and again while it waits for records, as rebalances do; ``late`` has a
rebalance while it stops; ``behind`` does nothing for seconds with records at hand, and lets Faust
report that without patience.
"""

import asyncio
import json
import logging
import sys
import time
import zlib
from collections.abc import Sequence
from functools import partial
from typing import Any

from aiokafka.client import AIOKafkaClient
from faust.transport.drivers import aiokafka as driver

from stream.core.errors import DistillwatchError, StateError
from stream.core.packets import IdleClaim
from stream.core.records import Emission, Record
from stream.http.health import Health
from stream.kafka.settings import KafkaSettings, TopicSettings
from stream.metrics import Metrics
from stream.worker.fetch_queue import FetchQueue
from stream.worker.ports import LostPart, Stages
from stream.worker.run import WorkerComponents, run
from stream.worker.transport import RecordBatchConsumer

TASKS = 4
log = logging.getLogger(__name__)


def topics(run_id: str) -> TopicSettings:
    return TopicSettings(
        requests=f"{run_id}.requests",
        alerts=f"{run_id}.alerts",
        deadletter=f"{run_id}.dead",
        internal_prefix=f"{run_id}.i.",
        partitions=TASKS,
    )


#: Loading a task takes this much longer than the brokers are given to answer.
LOAD_S = 2.0
#: Longer than Faust takes between two looks: 2.5 times the commit interval.
BEHIND_S = 4.0


def kafka(bootstrap: str, run_id: str, *, transactions: bool) -> KafkaSettings:
    return KafkaSettings(
        bootstrap_servers=bootstrap,
        app_id=run_id,
        commit_interval_s=0.5,
        # Apache Kafka allows no less than 6 s.
        session_timeout_s=6.0 if transactions else 3.0,
        heartbeat_interval_s=1.0,
        start_timeout_s=3.0,
        request_timeout_s=3.0,
        transactions=transactions,
    )


class CountingSource:
    def on_topic_changed(self, partitions: int, topic_id: str) -> None:
        pass

    def process(self, partition: int, records: Sequence[Record], *, now_s: float) -> list[Emission]:
        del now_s
        rows: dict[int, list[tuple[int, str]]] = {task: [] for task in range(TASKS)}
        for record in records:
            name = record.value.decode()
            if name == "raise":
                raise ValueError("told to")
            rows[zlib.crc32(record.value) % TASKS].append((record.offset, name))
        return [
            Emission("events", task, None, json.dumps([partition, found]).encode())
            for task, found in rows.items()
            if found
        ]

    def idle(self, partition: int, claim: IdleClaim, *, elapsed_s: float) -> list[Emission]:
        del claim, elapsed_s
        return [Emission("deadletter", 0, None, b"idle", (("partition", b"%d" % partition),))]

    def forget(self, partition: int) -> None:
        pass


class CountingTask:
    """Counts accounts; repetitions are recognised by the source offset they carry."""

    def __init__(self, task: int) -> None:
        self.task = task
        self.counts: dict[str, int] = {}
        self.last_applied: dict[str, int] = {}
        self.resume_offset: int | None = None
        self.changed: set[str] = set()

    def feed(self, offset: int, value: bytes) -> list[Emission]:
        source, rows = json.loads(value)
        floor = self.last_applied.get(str(source), -1)
        for at, name in rows:
            if at > floor:
                self.counts[name] = self.counts.get(name, 0) + 1
                self.changed.add(name)
        self.last_applied[str(source)] = max(floor, rows[-1][0])
        self.resume_offset = offset + 1
        total = sum(self.counts.values())
        return [Emission("findings", 0, None, json.dumps([self.task, total]).encode())]

    def release(self) -> None:
        pass

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        changed, self.changed = self.changed, set()
        return [(name.encode(), str(self.counts[name]).encode()) for name in sorted(changed)]

    def checkpoint_record(self) -> bytes:
        return json.dumps([self.resume_offset, self.last_applied]).encode()

    def schema(self) -> bytes:
        return b"counts"

    def abandon(self, part: str, reason: str) -> None:
        raise StateError(f"{part}: {reason}")

    @property
    def relearned(self) -> list[LostPart]:
        return []

    def check(self, schema: bytes | None) -> bool:
        if schema != self.schema():
            raise StateError(f"rows of {schema!r}")
        return True

    def load(self, rows: list[tuple[bytes, bytes | None]]) -> None:
        self.counts |= {key.decode(): int(value) for key, value in rows if value is not None}

    def restore(self, checkpoint: bytes | None) -> None:
        if checkpoint is None:
            raise StateError("no checkpoint")
        self.resume_offset, self.last_applied = json.loads(checkpoint)


class TotalTask(CountingTask):
    """Adds the tasks up and says the sum on the alerts topic."""

    def feed(self, offset: int, value: bytes) -> list[Emission]:
        task, total = json.loads(value)
        name = str(task)
        self.counts[name] = max(self.counts.get(name, 0), total)
        self.changed.add(name)
        self.resume_offset = offset + 1
        return [Emission("alerts", 0, None, str(sum(self.counts.values())).encode())]


class SlowTask(CountingTask):
    """Takes its time to load."""

    def restore(self, checkpoint: bytes | None) -> None:
        time.sleep(LOAD_S)
        super().restore(checkpoint)


def stages(counting: type[CountingTask] = CountingTask) -> Stages:
    return Stages(
        source=CountingSource(),
        task=lambda role, task: TotalTask(task) if role == "findings" else counting(task),
    )


def plan(bootstrap: str, run_id: str, *options: str) -> WorkerComponents:
    transactions, slow = "embedded" not in options, "slow" in options
    return WorkerComponents(
        kafka=kafka(bootstrap, run_id, transactions=transactions),
        topics=topics(run_id),
        idle_timeout_s=1.0,
        stages=partial(stages, counting=SlowTask) if slow else stages,
        metrics=Metrics(),
        health=Health(stalled_after_s=60),
    )


def seek_again_and_again() -> None:
    """Let many a fetch begin before its partitions are sought and take records afterwards."""
    fetch = driver.Consumer._getmany
    seeking: set[asyncio.Task] = set()

    async def sought(consumer: Any, active: set, timeout: float) -> dict:  # noqa: ASYNC109
        consumer.fetches = getattr(consumer, "fetches", 0) + 1
        if consumer.fetches % 4 == 0:
            seeking.add(asyncio.create_task(consumer.seek_to_committed()))
            await asyncio.sleep(1)
        return await fetch(consumer, active, timeout)

    driver.Consumer._getmany = sought  # type: ignore[method-assign,assignment]


def rebalance_while_stopping() -> None:
    """Do while the worker stops what Faust does when a rebalance comes then.

    A client that is closed by a thread that does not run its event loop is written to the log.
    """
    finish, close = RecordBatchConsumer.wait_empty, AIOKafkaClient.close

    async def late(consumer: RecordBatchConsumer) -> None:
        consumer.app._on_rebalance_when_stopped()
        await finish(consumer)

    async def closed(client: AIOKafkaClient) -> None:
        if client._loop is not asyncio.get_running_loop():  # type: ignore[attr-defined]
            log.error("a client is closed by another thread")
        await close(client)

    AIOKafkaClient.close = closed  # type: ignore[method-assign,assignment]
    RecordBatchConsumer.wait_empty = late  # type: ignore[method-assign,assignment]


def fall_behind() -> None:
    """Take no records for a while after the first ones; let Faust report slowness at once."""
    room, make = FetchQueue.room, driver.AIOKafkaConsumerThread.__init__
    waits = iter([0.0] * 3 + [BEHIND_S])

    async def late(queue: FetchQueue, timeout: float) -> bool:  # noqa: ASYNC109
        await asyncio.sleep(next(waits, 0.0))
        return await room(queue, timeout)

    def impatient(thread: Any, *args: Any, **options: Any) -> None:
        make(thread, *args, **options)
        thread.tp_stream_timeout_secs = 0.0

    FetchQueue.room = late  # type: ignore[method-assign,assignment]
    driver.AIOKafkaConsumerThread.__init__ = impatient  # type: ignore[method-assign,assignment]


def main(bootstrap: str, run_id: str, *options: str) -> None:
    if "sought" in options:
        seek_again_and_again()
    if "late" in options:
        rebalance_while_stopping()
    if "behind" in options:
        fall_behind()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    try:
        run(plan(bootstrap, run_id, *options))
    except DistillwatchError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main(*sys.argv[1:])
