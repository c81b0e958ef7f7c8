"""Alerts outlive whatever happens between the alerts topic and the receiver."""

from __future__ import annotations

import asyncio
import operator
import signal
import threading
import uuid
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import pytest
from aiokafka.admin import NewTopic

from stream.core.alerts import Alert
from stream.core.records import Emission
from stream.core.secret import Secret
from stream.delivery.outbox import Outbox
from stream.delivery.settings import WebhookSettings
from stream.delivery.webhook import WebhookSink
from stream.kafka.connection import connect
from stream.kafka.settings import KafkaSettings, TopicSettings
from stream.kafka.topics import create
from stream.metrics import Metrics
from stream.worker.sender import Sender
from testlib.alerts import (
    SECRET,
    Receiver,
    Recorder,
    admin_of,
    alert,
    assert_in_order,
    produce,
)
from testlib.brokers.apache_kafka import ApacheKafka
from testlib.ports import free_port
from testlib.until import until_async
from testlib.workers.command import run, settings
from testlib.workers.worker import worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

INCIDENTS, UPDATES = 12, 8


class Mood:
    """How the receiver feels: a number is the status that it answers, ``hang`` keeps one waiting.

    ``flaky`` takes two of three.
    """

    def __init__(self) -> None:
        self.now: int | str = 503
        self._asked = 0

    async def answer(self, _: str, __: int) -> int:
        self._asked += 1
        if self.now == "hang":
            await asyncio.sleep(60)
        if self.now == "flaky":
            return 204 if self._asked % 3 else 500
        return int(self.now)


@contextmanager
def listening(receiver: Receiver, port: int) -> Iterator[None]:
    """Run the receiver in a thread of its own, as something that lives elsewhere does."""
    ends = threading.Event()
    ready = threading.Event()

    async def serve() -> None:
        async with receiver.listening(port):
            ready.set()
            await asyncio.to_thread(ends.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    yield
    ends.set()
    thread.join(20)


@pytest.fixture
def environment(bootstrap: str, request: pytest.FixtureRequest) -> dict[str, str]:
    made = settings(
        bootstrap,
        kafka_transactions="embedded" not in request.node.name,
        webhook_url=f"http://127.0.0.1:{free_port()}/",
        webhook_secret=SECRET,
        webhook_timeout_s=1,
        webhook_first_retry_s=0.2,
        webhook_longest_retry_s=1,
    )
    done = run(made, "topics", "create")
    assert done.returncode == 0, done.stderr
    return made


def put(environment: dict[str, str], numbers: range) -> None:
    records = [(f"i{n}", alert(f"i{n}", number)) for number in numbers for n in range(INCIDENTS)]
    asyncio.run(
        produce(
            environment["DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS"],
            environment["DISTILLWATCH_TOPICS_ALERTS"],
            *records,
        )
    )


def test_alerts_arrive_in_order_over_outages_and_killed_workers(
    environment: dict[str, str], tmp_path: Path
) -> None:
    port = int(environment["DISTILLWATCH_WEBHOOK_URL"].rstrip("/").rsplit(":", 1)[1])
    mood = Mood()
    receiver = Receiver(mood.answer)
    tries = "distillwatch_sink_attempts_total"

    put(environment, range(3))
    with worker(environment, tmp_path) as first:  # nobody listens
        first.until(lambda: first.total(tries, result="unreachable") > 20, what="tries")
        first.kill()
    assert receiver.got == []

    with listening(receiver, port):
        put(environment, range(3, 5))
        with worker(environment, tmp_path) as second:
            second.until(lambda: len(receiver.tried) > 20, what="tries")
            mood.now = "hang"
            second.until(lambda: second.total(tries, result="timeout") > 4, what="time-outs")
            mood.now = "flaky"
            second.until(lambda: len(receiver.got) > INCIDENTS, what="deliveries")
            second.kill()  # some are delivered and not committed

        delivered = len(receiver.got)
        mood.now = 204
        put(environment, range(5, UPDATES))
        with worker(environment, tmp_path) as third:
            third.until(lambda: set(receiver.got) == every_alert(), what="delivery of all")
            third.until(
                lambda: third.total("distillwatch_sink_queue_length", sink="webhook") == 0,
                what="empty queue",
            )
            assert third.stop() == 0
    assert_in_order(receiver.got, dict.fromkeys((f"i{n}" for n in range(INCIDENTS)), UPDATES))
    # At least once, and not much more: what the second had delivered since its last commit.
    assert len(receiver.got) <= INCIDENTS * UPDATES + delivered


def every_alert() -> set[tuple[str, int]]:
    return {(f"i{n}", number) for n in range(INCIDENTS) for number in range(UPDATES)}


@pytest.mark.kafka
async def test_alerts_outlive_a_broker_that_stalls_and_dies() -> None:
    sink, metrics, expected = Recorder(pause_s=0.05), Metrics(), dict.fromkeys("abcd", 60)
    with ApacheKafka() as kafka:
        (node,) = kafka.brokers
        connection = {"session_timeout_ms": 3000, "heartbeat_interval_ms": 500}
        outbox = Outbox(
            sink,
            topic="alerts",
            app="t",
            connection={"bootstrap_servers": kafka.bootstrap, **connection},
            metrics=metrics,
        )
        async with admin_of(kafka.bootstrap) as admin:
            await admin.create_topics([NewTopic("alerts", 1, 1)])
        await outbox.start()
        for start, fault in ((0, signal.SIGSTOP), (20, signal.SIGKILL), (40, None)):
            sent = [(name, n) for n in range(start, start + 20) for name in expected]
            await produce(kafka.bootstrap, "alerts", *((one[0], alert(*one)) for one in sent))
            wanted = ("a", start + 5)
            await until_async(partial(operator.contains, sink.got, wanted))
            if fault == signal.SIGSTOP:  # for longer than the session: the group forgets us
                node.send(signal.SIGSTOP)
                await asyncio.sleep(5)
                node.send(signal.SIGCONT)
            elif fault == signal.SIGKILL:
                await asyncio.to_thread(node.end, signal.SIGKILL)
                await asyncio.sleep(1)
                kafka.start(node)
                await asyncio.to_thread(kafka.await_answer, node)
        await until_async(lambda: {(name, 59) for name in expected} <= set(sink.got), within_s=60)
        await outbox.stop()
    assert_in_order(sink.got, expected)
    print(f"{len(sink.got)} deliveries of {4 * 60} alerts")


@pytest.mark.kafka
async def test_an_alert_of_sixty_thousand_accounts_goes_out() -> None:
    """More than the megabyte that a broker takes by default; the webhook gets the beginning."""

    async def answer(*_: object) -> int:
        return 204

    receiver, metrics = Receiver(answer), Metrics()
    accounts = [f"acct_{uuid.uuid4().hex}" for _ in range(60_000)]
    one = msgspec.structs.replace(msgspec.json.decode(alert("i", 0), type=Alert), kind="campaign")
    value = msgspec.json.encode(msgspec.structs.replace(one, account_ids=accounts))
    topics = TopicSettings()
    with ApacheKafka(config={"message.max.bytes": "1048588"}) as kafka:
        connection = KafkaSettings(bootstrap_servers=kafka.bootstrap, compression="none")
        with connect(connection) as admin:
            create(admin, topics)
        sender = Sender(connection, topics)
        await sender.start()
        await sender.send([Emission("alerts", None, b"i", value)])
        await sender.flush()
        await sender.stop()
        async with receiver.listening() as url:
            settings = WebhookSettings(url=Secret(url), secret=Secret(SECRET))
            outbox = Outbox(
                WebhookSink(settings, metrics=metrics),
                topic=topics.alerts,
                app="t",
                connection={"bootstrap_servers": kafka.bootstrap},
                metrics=metrics,
            )
            await outbox.start()
            await until_async(lambda: receiver.got == [("i", 0)])
            await outbox.stop()
    (data,) = receiver.data
    assert data["account_ids"] == accounts[: len(data["account_ids"])]
    assert len(data["account_ids"]) > 400
    assert data["account_ids_total"] == len(accounts)
