"""Alerts put on a topic by hand, and sinks and receivers that note what they get."""

import asyncio
import base64
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec
from aiohttp import web
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from standardwebhooks import Webhook

from stream.core.alerts import Alert
from stream.core.findings import Observed
from stream.delivery.sink import Delivery, Outcome

SECRET = "whsec_" + base64.b64encode(b"a" * 32).decode()


def alert(name: str, number: int) -> bytes:
    """Return an alert of incident ``name``; ``number`` travels as its requests."""
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
            updated_at=f"2026-01-02T03:{number // 60:02d}:{number % 60:02d}Z",
            summary="One account",
            evidence=[],
            observed=Observed(requests=number),
            techniques=[],
            runbook_url="",
            model_version="1",
        )
    )


async def produce(bootstrap: str, topic: str, *records: tuple[str, bytes]) -> int:
    """Write (key, value) one after the other; return the partition of the last."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for key, value in records:
            written = await producer.send_and_wait(topic, value, key=key.encode())
    return written.partition


@contextlib.asynccontextmanager
async def admin_of(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    yield admin
    await admin.close()


def assert_in_order(got: Iterable[tuple[str, int]], expected: dict[str, int]) -> None:
    """Hold that each incident's alerts came from 0 on, none left out, repetitions apart.

    A repetition goes back and then on in order, as after a restart: 0 1 2 1 2 3.
    """
    by_incident: dict[str, list[int]] = defaultdict(list)
    for name, number in got:
        by_incident[name].append(number)
    assert {name: max(numbers) + 1 for name, numbers in by_incident.items()} == expected
    for name, numbers in by_incident.items():
        before = -1
        for number in numbers:
            assert number <= before + 1, (name, numbers)
            before = number


class Recorder:
    """A sink that notes what it gets; incidents in ``stuck`` never come to an end."""

    name = "recorder"

    def __init__(self, *stuck: str, pause_s: float = 0.0) -> None:
        self.stuck = set(stuck)
        self.pause_s = pause_s
        self.got: list[tuple[str, int]] = []
        self.closed = False

    def prepare(self, alert: Alert) -> Delivery:
        return partial(self.deliver, alert)

    async def deliver(self, alert: Alert) -> Outcome:
        if alert.alert_id in self.stuck:
            await asyncio.Event().wait()
        await asyncio.sleep(self.pause_s)
        self.got.append((alert.alert_id, alert.observed.requests))
        return "delivered"

    async def close(self) -> None:
        self.closed = True


@dataclass
class Receiver:
    """A webhook's receiver; ``answer`` decides about each alert, ``got`` is what it accepted."""

    answer: Callable[[str, int], Awaitable[int]]
    got: list[tuple[str, int]] = field(default_factory=list)
    tried: list[tuple[str, int]] = field(default_factory=list)
    data: list[dict[str, Any]] = field(default_factory=list)  # of those it accepted

    async def handle(self, request: web.Request) -> web.Response:
        data = Webhook(SECRET).verify(await request.read(), dict(request.headers))["data"]
        one = data["alert_id"], data["observed"].get("requests", 0)
        self.tried.append(one)
        status = await self.answer(*one)
        if 200 <= status < 300:
            self.got.append(one)
            self.data.append(data)
        return web.Response(status=status)

    @contextlib.asynccontextmanager
    async def listening(self, port: int = 0) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_post("/", self.handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
        finally:
            await runner.cleanup()
