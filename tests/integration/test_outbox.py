from __future__ import annotations

import asyncio
import base64
import time
import uuid
from typing import TYPE_CHECKING

import msgspec
import pytest
from aiohttp import web
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from standardwebhooks import Webhook

from stream.metrics import Metrics
from stream.sinks.outbox import Outbox
from stream.sinks.settings import WebhookSettings
from stream.sinks.webhook import WebhookSink
from stream.types.alerts import Alert
from stream.types.secret import Secret
from stream.types.verdicts import Observed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from stream.sinks.sink import Outcome, Sink

pytestmark = pytest.mark.integration

PARTITIONS = 2
SECRET = "whsec_" + base64.b64encode(b"a" * 32).decode()


class Recorder:
    """A sink that notes what it gets; incidents in ``stuck`` never come to an end."""

    name = "recorder"

    def __init__(self, *stuck: str) -> None:
        self.stuck = set(stuck)
        self.got: list[tuple[str, int]] = []
        self.closed = False

    async def deliver(self, alert: Alert) -> Outcome:
        if alert.alert_id in self.stuck:
            await asyncio.Event().wait()
        self.got.append((alert.alert_id, alert.observed.requests))
        return "delivered"

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
async def topic(bootstrap: str) -> str:
    name = f"alerts-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, PARTITIONS, 1)])
    await admin.close()
    return name


@pytest.fixture
async def outbox_for(bootstrap: str, topic: str) -> AsyncIterator[Callable[..., Outbox]]:
    made: list[Outbox] = []

    def make(sink: Sink, metrics: Metrics | None = None, window: int = 256) -> Outbox:
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
            window=window,
            stop_grace_s=0.2,
        )
        made.append(outbox)
        return outbox

    yield make
    for outbox in made:
        await outbox.stop()


def alert(name: str, number: int) -> bytes:
    return msgspec.json.encode(
        Alert(
            alert_id=name,
            kind="account",
            status="firing",
            severity="warning",
            score=0.99,
            account_id="acc-1",
            started_at="2026-01-02T03:04:00Z",
            detected_at="2026-01-02T03:10:00Z",
            updated_at=f"2026-01-02T03:10:{number % 60:02d}Z",
            summary="One account",
            evidence=[],
            observed=Observed(requests=number),
            techniques=[],
            runbook_url="",
            model_version="1",
        )
    )


async def produce(bootstrap: str, topic: str, *records: tuple[str, bytes]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for key, value in records:
            await producer.send_and_wait(topic, value, key=key.encode())


async def until(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        await asyncio.sleep(0.05)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"distillwatch_{name}", labels)


async def test_alerts_of_the_topic_reach_a_webhook_once(
    bootstrap: str, topic: str, outbox_for: Callable[..., Outbox]
) -> None:
    got: list[dict[str, object]] = []

    async def handle(request: web.Request) -> web.Response:
        got.append(Webhook(SECRET).verify(await request.read(), dict(request.headers)))
        return web.Response(status=503 if len(got) == 1 else 204)

    app = web.Application()
    app.router.add_post("/", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    settings = WebhookSettings(
        url=f"http://127.0.0.1:{runner.addresses[0][1]}/",
        secret=Secret(SECRET),
        first_retry_s=0.01,
    )
    sent = [(f"i{n}", alert(f"i{n}", n)) for n in range(5)]
    await produce(bootstrap, topic, *sent, ("x", b"no alert"))
    metrics = Metrics()
    first = outbox_for(WebhookSink(settings, metrics=metrics), metrics)
    await first.start()
    await until(lambda: len(got) == 6)
    await until(lambda: value(metrics, "sink_queue_length", sink="webhook") == 0)
    await first.stop()
    labels = {"sink": "webhook"}
    assert value(metrics, "sink_deliveries_total", **labels, result="delivered") == 5
    assert value(metrics, "sink_deliveries_total", **labels, result="malformed") == 1

    second = outbox_for(WebhookSink(settings, metrics=metrics), metrics)
    await second.start()
    await produce(bootstrap, topic, ("last", alert("last", 9)))
    await until(lambda: len(got) == 7)
    await second.stop()
    await runner.cleanup()
    names = [entry["data"]["alert_id"] for entry in got]  # type: ignore[index]
    assert sorted(set(names)) == ["i0", "i1", "i2", "i3", "i4", "last"]
    assert names[-1] == "last"  # nothing that was committed came again


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
    await until(lambda: ("other", 1) in sink.got)
    await until(lambda: value(metrics, "sink_queue_length", sink="recorder") == 2)
    await first.stop()
    assert sink.got == [("other", 1)]
    assert sink.closed

    again = Recorder()
    second = outbox_for(again)
    await second.start()
    await until(lambda: len(again.got) == 3)
    await second.stop()
    assert [entry for entry in again.got if entry[0] == "stuck"] == [("stuck", 1), ("stuck", 2)]


async def test_a_stuck_sink_bounds_what_is_read(
    bootstrap: str, topic: str, outbox_for: Callable[..., Outbox]
) -> None:
    await produce(
        bootstrap,
        topic,
        ("k", alert("stuck", 0)),
        *(("k", alert(f"i{n}", n)) for n in range(20)),
    )
    metrics = Metrics()
    sink = Recorder("stuck")
    outbox = outbox_for(sink, metrics, window=5)
    await outbox.start()
    await until(lambda: len(sink.got) == 4)
    await asyncio.sleep(0.5)
    assert len(sink.got) == 4
    await until(lambda: (value(metrics, "sink_queue_length", sink="recorder") or 0) == 17)
    began = time.monotonic()
    await outbox.stop()
    assert time.monotonic() - began < 5


async def test_two_workers_share_a_sink_and_lose_nothing(
    bootstrap: str, topic: str, outbox_for: Callable[..., Outbox]
) -> None:
    def batch(start: int) -> list[tuple[str, bytes]]:
        return [(f"i{n}", alert(f"i{n % 7}", n)) for n in range(start, start + 30)]

    one, two = Recorder(), Recorder()
    first, second = outbox_for(one), outbox_for(two)
    await first.start()
    await produce(bootstrap, topic, *batch(0))
    await until(lambda: len(one.got) == 30)
    await second.start()
    produced = 30
    deadline = time.monotonic() + 30
    while not two.got and time.monotonic() < deadline:
        await produce(bootstrap, topic, *batch(produced))
        produced += 30
        await asyncio.sleep(0.2)
    assert two.got  # the partitions are shared
    await first.stop()
    await produce(bootstrap, topic, *batch(produced))
    expected = set(range(produced + 30))
    await until(lambda: {number for _, number in (*one.got, *two.got)} == expected)
    await second.stop()


async def test_without_a_broker_it_starts_waits_and_stops(unused_tcp_port: int) -> None:
    outbox = Outbox(
        Recorder(),
        topic="alerts",
        app="a",
        connection={"bootstrap_servers": f"127.0.0.1:{unused_tcp_port}"},
        metrics=Metrics(),
        stop_grace_s=0.1,
    )
    await outbox.start()
    await asyncio.sleep(0.3)
    await outbox.stop()
    await outbox.stop()
