from __future__ import annotations

import gc
import time
import uuid
from functools import partial
from typing import TYPE_CHECKING

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import NewTopic, RecordsToDelete

from stream.core.secret import Secret
from stream.delivery.outbox import Bounds, Outbox
from stream.delivery.settings import WebhookSettings
from stream.delivery.webhook import WebhookSink
from stream.metrics import Metrics
from testlib.alerts import (
    SECRET,
    Receiver,
    Recorder,
    admin_of,
    alert,
    assert_in_order,
    produce,
)
from testlib.metrics import value
from testlib.until import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from stream.delivery.sink import Sink

pytestmark = pytest.mark.integration

PARTITIONS = 2


def queued_while_disabled(metrics: Metrics) -> bool:
    disabled = value(metrics, "sink_disabled", sink="webhook") == 1
    return disabled and value(metrics, "sink_queue_length", sink="webhook") == 11


@pytest.fixture
async def topic(bootstrap: str) -> str:
    name = f"alerts-{uuid.uuid4().hex[:8]}"
    async with admin_of(bootstrap) as admin:
        await admin.create_topics([NewTopic(name, PARTITIONS, 1)])
    return name


@pytest.fixture
async def outbox_for(bootstrap: str, topic: str) -> AsyncIterator[Callable[..., Outbox]]:
    made: list[Outbox] = []

    def make(sink: Sink, metrics: Metrics | None = None, **bounds: int) -> Outbox:
        outbox = Outbox(
            sink,
            topic=topic,
            app=topic,
            connection={
                "bootstrap_servers": bootstrap,
                "session_timeout_ms": 2000,
                "heartbeat_interval_ms": 300,
            },
            metrics=metrics or Metrics(),
            bounds=Bounds(stop_grace_s=0.2, **bounds),
        )
        made.append(outbox)
        return outbox

    yield make
    for outbox in made:
        await outbox.stop()
    gc.collect()  # a connection that was left open is this test's, not a later one's


async def test_alerts_of_the_topic_reach_a_webhook_once(
    bootstrap: str, topic: str, outbox_for: Callable[..., Outbox]
) -> None:
    async def answer(*_: object) -> int:
        return 503 if len(receiver.tried) == 1 else 204

    receiver = Receiver(answer)
    async with receiver.listening() as url:
        settings = WebhookSettings(url=Secret(url), secret=Secret(SECRET), first_retry_s=0.01)
        sent = [(f"i{n}", alert(f"i{n}", n)) for n in range(5)]
        await produce(bootstrap, topic, *sent, ("x", b"no alert"))
        metrics = Metrics()
        first = outbox_for(WebhookSink(settings, metrics=metrics), metrics)
        await first.start()
        await until_async(lambda: len(receiver.got) == 5)
        await until_async(lambda: value(metrics, "sink_queue_length", sink="webhook") == 0)
        await first.stop()
        labels = {"sink": "webhook"}
        assert value(metrics, "sink_deliveries_total", **labels, result="delivered") == 5
        assert value(metrics, "sink_deliveries_total", **labels, result="invalid") == 1

        second = outbox_for(WebhookSink(settings, metrics=metrics), metrics)
        await second.start()
        await produce(bootstrap, topic, ("last", alert("last", 9)))
        await until_async(lambda: len(receiver.got) == 6)
        await second.stop()
    names = [name for name, _ in receiver.got]
    assert sorted(names[:-1]) == ["i0", "i1", "i2", "i3", "i4"]
    assert names[-1] == "last"  # nothing that was committed came again


async def test_what_a_receiver_that_is_gone_did_not_take_waits_for_a_restart(
    bootstrap: str, topic: str, outbox_for: Callable[..., Outbox]
) -> None:
    statuses = iter([204, 410, 410, *[204] * 99])

    async def answer(*_: object) -> int:
        return next(statuses)

    receiver = Receiver(answer)
    await produce(bootstrap, topic, *(("k", alert(f"i{n % 3}", n // 3)) for n in range(12)))
    async with receiver.listening() as url:
        settings = WebhookSettings(url=Secret(url), secret=Secret(SECRET), concurrency=1)
        for tried in (2, 3):  # the receiver gets one request by each start, and not again
            metrics = Metrics()
            outbox = outbox_for(WebhookSink(settings, metrics=metrics), metrics)
            await outbox.start()
            await until_async(partial(queued_while_disabled, metrics))
            await outbox.stop()
            assert len(receiver.tried) == tried
        metrics = Metrics()
        outbox = outbox_for(WebhookSink(settings, metrics=metrics), metrics)
        await outbox.start()
        await until_async(lambda: len(receiver.got) == 12)
        await outbox.stop()
    assert_in_order(receiver.got, {"i0": 4, "i1": 4, "i2": 4})


async def test_an_alert_that_is_given_up_lets_the_next_of_its_incident_go_on(
    bootstrap: str, topic: str, outbox_for: Callable[..., Outbox]
) -> None:
    async def answer(name: str, number: int) -> int:
        return {("poisoned", 0): 422, ("poisoned", 2): 500}.get((name, number), 204)

    receiver = Receiver(answer)
    names = ("poisoned", "other")
    await produce(bootstrap, topic, *(("k", alert(name, n)) for n in range(5) for name in names))
    metrics = Metrics()
    async with receiver.listening() as url:
        settings = WebhookSettings(
            url=Secret(url),
            secret=Secret(SECRET),
            first_retry_s=0.05,
            longest_retry_s=0.2,
            retry_for_s=2,
        )
        outbox = outbox_for(WebhookSink(settings, metrics=metrics), metrics)
        await outbox.start()
        await until_async(lambda: len(receiver.got) == 8)
        await outbox.stop()
    assert [one for one in receiver.got if one[0] == "poisoned"] == [
        ("poisoned", 1),
        ("poisoned", 3),
        ("poisoned", 4),
    ]
    for result in ("rejected", "timed_out"):
        assert value(metrics, "sink_deliveries_total", sink="webhook", result=result) == 1


async def test_what_was_not_done_with_comes_again(
    bootstrap: str, topic: str, outbox_for: Callable[..., Outbox]
) -> None:
    # One key, so one partition: "stuck" holds the commit, "other" overtakes it.
    records = [("stuck", 1), ("stuck", 2), ("other", 1)]
    await produce(bootstrap, topic, *(("k", alert(name, number)) for name, number in records))
    metrics = Metrics()
    sink = Recorder("stuck")
    first = outbox_for(sink, metrics)
    await first.start()
    await until_async(lambda: ("other", 1) in sink.got)
    await until_async(lambda: value(metrics, "sink_queue_length", sink="recorder") == 2)
    await first.stop()
    assert sink.got == [("other", 1)]
    assert sink.closed

    again = Recorder()
    second = outbox_for(again)
    await second.start()
    await until_async(lambda: len(again.got) == 3)
    await second.stop()
    assert [entry for entry in again.got if entry[0] == "stuck"] == [("stuck", 1), ("stuck", 2)]


async def test_a_sink_that_is_down_bounds_what_is_read(
    bootstrap: str, topic: str, outbox_for: Callable[..., Outbox]
) -> None:
    names = [f"i{n}" for n in range(20)]
    await produce(bootstrap, topic, *(("k", alert(name, 0)) for name in names))
    metrics = Metrics()
    sink = Recorder(*names)
    outbox = outbox_for(sink, metrics, in_progress=5)
    await outbox.start()
    await until_async(lambda: value(metrics, "sink_queue_length", sink="recorder") == 20)
    assert value(metrics, "sink_oldest_seconds", sink="recorder") > 0
    # Nothing is fetched any more, but what comes is counted.
    await produce(bootstrap, topic, *(("k", alert(name, 1)) for name in names))
    await until_async(lambda: value(metrics, "sink_queue_length", sink="recorder") == 40)
    assert outbox._dispatch.ledger.held == 5
    began = time.monotonic()
    await outbox.stop()
    assert time.monotonic() - began < 5


async def test_one_stuck_incident_delays_no_other(
    bootstrap: str, topic: str, outbox_for: Callable[..., Outbox]
) -> None:
    others = [(f"i{n % 50}", n // 50) for n in range(1000)]
    chain = [alert("stuck", number) for number in range(3)]
    await produce(bootstrap, topic, *(("k", one) for one in chain))
    await produce(bootstrap, topic, *(("k", alert(*one)) for one in others))
    metrics, sink = Metrics(), Recorder("stuck")
    outbox = outbox_for(sink, metrics, in_progress=8, overtaken=900)

    def left() -> float:
        return value(metrics, "sink_queue_length", sink="recorder")

    await outbox.start()
    await until_async(lambda: len(sink.got) == 897)  # far more than are under way at once
    await until_async(lambda: left() == 1003 - 897)
    # What is new is noticed and not read: no more than a crash may bring again.
    await produce(bootstrap, topic, ("k", alert("i0", 20)))
    await until_async(lambda: left() == 1004 - 897)
    assert len(sink.got) == 897
    await outbox.stop()

    again = Recorder()
    second = outbox_for(again)
    await second.start()
    await until_async(lambda: len(again.got) == 1004)
    await second.stop()
    assert_in_order(again.got, {"stuck": 3, "i0": 21} | {f"i{n}": 20 for n in range(1, 50)})


@pytest.mark.needs("ranges")
async def test_what_the_topic_dropped_before_it_was_read_is_counted(
    bootstrap: str, topic: str, outbox_for: Callable[..., Outbox]
) -> None:
    before = Recorder()
    first = outbox_for(before)
    await first.start()
    await produce(bootstrap, topic, *(("k", alert("i", number)) for number in range(20)))
    await until_async(lambda: len(before.got) == 20)
    await first.stop()

    partition = await produce(bootstrap, topic, *(("k", alert("i", 20 + n)) for n in range(20)))
    async with admin_of(bootstrap) as admin:
        await admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(35)})
    metrics, after = Metrics(), Recorder()
    second = outbox_for(after, metrics)
    await second.start()
    await until_async(lambda: len(after.got) == 5)
    await second.stop()
    assert after.got == [("i", number) for number in range(35, 40)]
    assert value(metrics, "sink_missed_total", sink="recorder") == 15


@pytest.mark.needs("ranges")
async def test_a_recreated_topic_is_read_from_its_beginning(
    bootstrap: str, topic: str, outbox_for: Callable[..., Outbox]
) -> None:
    metrics, sink = Metrics(), Recorder("stuck")
    outbox = outbox_for(sink, metrics)
    await outbox.start()
    await produce(bootstrap, topic, *(("k", alert("old", number)) for number in range(9)))
    await produce(bootstrap, topic, ("k", alert("stuck", 0)))
    await until_async(lambda: len(sink.got) == 9)
    async with admin_of(bootstrap) as admin:
        await admin.delete_topics([topic])

        async def gone() -> bool:
            return topic not in await admin.list_topics()

        await until_async(gone, what="deletion")
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    await produce(bootstrap, topic, *(("k", alert("new", number)) for number in range(5)))
    await until_async(lambda: sink.got[9:] == [("new", number) for number in range(5)], within_s=60)
    await until_async(lambda: value(metrics, "sink_queue_length", sink="recorder") == 0)
    assert value(metrics, "sink_missed_total", sink="recorder") == 0


async def test_two_workers_share_a_sink_and_lose_nothing(
    bootstrap: str, topic: str, outbox_for: Callable[..., Outbox]
) -> None:
    def batch(start: int) -> list[tuple[str, bytes]]:
        return [(f"i{n}", alert(f"i{n % 7}", n)) for n in range(start, start + 30)]

    one, two = Recorder(), Recorder()
    first, second = outbox_for(one), outbox_for(two)
    await first.start()
    await produce(bootstrap, topic, *batch(0))
    await until_async(lambda: len(one.got) == 30)
    await second.start()
    produced = 30

    async def shared() -> bool:
        nonlocal produced
        await produce(bootstrap, topic, *batch(produced))
        produced += 30
        return bool(two.got)

    await until_async(shared, what="alert at the second worker")
    await first.stop()
    await produce(bootstrap, topic, *batch(produced))
    expected = set(range(produced + 30))
    await until_async(lambda: {number for _, number in (*one.got, *two.got)} == expected)
    await second.stop()


async def test_incidents_keep_their_order_while_workers_come_and_go(
    bootstrap: str, topic: str, outbox_for: Callable[..., Outbox]
) -> None:
    got: list[tuple[str, int]] = []

    def start() -> Outbox:
        sink = Recorder(pause_s=0.03)
        sink.got = got
        return outbox_for(sink)

    names = [f"i{n}" for n in range(8)]
    outboxes = [start()]
    await outboxes[0].start()
    for number in range(60):
        await produce(bootstrap, topic, *((name, alert(name, number)) for name in names))
        if number % 15 == 5:
            outboxes.append(start())
            await outboxes[-1].start()
        if number % 15 == 12:
            await outboxes.pop(0).stop()
    await until_async(lambda: {(name, 59) for name in names} <= set(got))
    assert_in_order(got, dict.fromkeys(names, 60))


async def test_without_a_broker_it_starts_tries_again_and_stops(unused_tcp_port: int) -> None:
    metrics, sink = Metrics(), Recorder()
    outbox = Outbox(
        sink,
        topic="alerts",
        app="a",
        connection={"bootstrap_servers": f"127.0.0.1:{unused_tcp_port}"},
        metrics=metrics,
        bounds=Bounds(stop_grace_s=0.1),
    )
    await outbox.start()
    failures = "sink_broker_failures_total"
    await until_async(lambda: value(metrics, failures, sink="recorder") >= 2)
    assert not sink.closed
    await outbox.stop()
    await outbox.stop()
    assert sink.closed
    assert sink.got == []
