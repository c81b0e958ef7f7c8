"""A worker that is started again with the state of many accounts goes on as if it had not ended."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.kafka.connection import connect
from stream.kafka.topics import STATE_TOPICS, create, state_topic_of, topic_of
from stream.metrics import Metrics
from stream.pipeline.build import task_of
from stream.settings import Settings, load
from stream.worker.record_batch import TP
from stream.worker.recovery import recover
from testlib.traffic.many_accounts import events, produce
from testlib.workers.cluster import Log
from testlib.workers.command import worker_environment
from testlib.workers.page_watch import PageWatch
from testlib.workers.worker import running

if TYPE_CHECKING:
    from pathlib import Path

    from testlib.brokers.apache_kafka import ApacheKafka

pytestmark = [pytest.mark.integration, pytest.mark.kafka, pytest.mark.timeout(600)]

ACCOUNTS = 100_000
TASKS = 2
PARTITIONS = 4


def play(settings: Settings, count: int, began: float) -> None:
    lines = events(ACCOUNTS, count, PARTITIONS, began)
    asyncio.run(
        produce(settings.kafka.bootstrap_servers, settings.topics.requests, PARTITIONS, lines)
    )


def stored(settings: Settings) -> dict[TP, Log]:
    logs = {
        TP(state_topic_of(settings.topics, role), task): Log()
        for role in STATE_TOPICS
        for task in range(1 if role == "findings" else TASKS)
    }
    asyncio.run(recover(logs, settings.kafka))
    return logs


def undisturbed(settings: Settings, role: str, number: int) -> dict[bytes, bytes]:
    """Return the rows of a task that has taken in all that the workers took in, in one go."""
    task = task_of(role, settings.stages, number, Metrics())
    tp = TopicPartition(topic_of(settings.topics, role), number)
    with connect(settings.kafka) as admin:
        (group,) = admin.list_group_offsets(settings.kafka.app_id).values()
    end = next(o.offset for at, o in group.items() if (at.topic, at.partition) == tp)

    async def feed() -> None:
        async with AIOKafkaConsumer(
            bootstrap_servers=settings.kafka.bootstrap_servers,
            group_id=None,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=16_777_216,
        ) as consumer:
            consumer.assign([tp])
            while await consumer.position(tp) < end:
                for record in (await consumer.getmany(timeout_ms=500)).get(tp, []):
                    if record.offset < end:
                        task.feed(record.offset, record.value or b"")

    asyncio.run(feed())
    rows = Log()
    rows.load(task.take_changes())
    return rows.rows


def test_state_is_what_it_was_and_pages_answer_meanwhile(
    apache_kafka: ApacheKafka, tmp_path: Path
) -> None:
    own = {
        "KAFKA_APP_ID": "recovery",
        "TOPICS_REQUESTS": "recovery.requests",
        "TOPICS_ALERTS": "recovery.alerts",
        "TOPICS_DEADLETTER": "recovery.dead",
        "TOPICS_INTERNAL_PREFIX": "recovery.i.",
        "TOPICS_PARTITIONS": str(TASKS),
    }
    environment = worker_environment(apache_kafka.bootstrap, **own)
    log_file = tmp_path / "worker.log"
    settings = load(None, environment)
    with connect(settings.kafka) as admin:
        create(admin, settings.topics)

    yesterday = time.time() - 86400
    play(settings, ACCOUNTS + ACCOUNTS // 4, yesterday)
    with running(environment, log_file) as worker:
        worker.until(
            lambda: worker.tracked() >= ACCOUNTS, within_s=300, what=f"{ACCOUNTS} accounts"
        )
        assert worker.stop() == 0, worker.log
    before = stored(settings)

    with running(environment, log_file) as worker:
        watch = PageWatch(worker)
        worker.until_ready(120)
        answers = watch.end()
        print(answers.summary())
        assert worker.tracked() == ACCOUNTS
        assert worker.stop() == 0, worker.log
    assert answers.of("readyz")[0] == (503, "recovering state")
    assert set(answers.of("readyz")) <= {
        (503, "recovering state"), (503, "not consuming"), (200, "ok"),
    }  # fmt: skip
    assert answers.of("livez") == [(200, "ok")]
    assert {status for status, _ in answers.of("metrics")} == {200}
    assert answers.longest_s() < 10
    # Nothing has come meanwhile, so nothing has changed.
    for tp, log in stored(settings).items():
        assert (tp, log.rows, log.schema) == (tp, before[tp].rows, before[tp].schema)

    play(settings, ACCOUNTS // 2, yesterday + 2 * 3600)
    with running(environment, log_file) as worker:
        worker.until(
            lambda: worker.total("distillwatch_windows_closed_total") > 30,
            within_s=300,
            what="new steps",
        )
        assert worker.stop() == 0, worker.log
    for tp, log in stored(settings).items():
        role = next(r for r in STATE_TOPICS if state_topic_of(settings.topics, r) == tp.topic)
        assert (tp, log.rows) == (tp, undisturbed(settings, role, tp.partition))
