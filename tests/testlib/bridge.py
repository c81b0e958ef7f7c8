"""A bridge that listens, and a producer that notes what it is given."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import aiohttp

from stream.core.secret import Secret
from stream.http.bridge.bridge_server import Bridge
from stream.http.bridge.metrics import RESULTS, BridgeMetrics
from stream.http.bridge.settings import BridgeSettings
from testlib.until import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


TOKEN = "0123456789abcdef"  # noqa: S105 - of this test


LET_IN = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}


ONE = b'{"account_id":"a"}'


class Producer:
    """Notes what it is given; ``ready`` lets it go on, ``failure`` makes it fail."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.failure: Exception | None = None
        self.ready = asyncio.Event()
        self.ready.set()

    async def send(self, topic: str, value: bytes) -> asyncio.Future[None]:
        assert topic == "requests"
        if self.failure is not None:
            raise self.failure
        self.sent.append(value)
        return asyncio.ensure_future(self._acknowledged())

    async def had(self, count: int) -> None:
        await until_async(lambda: len(self.sent) >= count, within_s=10)
        assert len(self.sent) == count

    async def _acknowledged(self) -> None:
        await self.ready.wait()


class Running:
    def __init__(self, session: aiohttp.ClientSession, producer: Producer, metrics: BridgeMetrics):
        self.producer = producer
        self._session, self._metrics = session, metrics

    async def post(self, body: Any, path: str = "/", **headers: str) -> tuple[int, Any, Any]:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self._session.post(path, data=body, headers=LET_IN | given) as answer:
            return answer.status, answer.headers, await answer.read()

    def counted(self) -> dict[str, float]:
        found = {
            result: self._metrics.registry.get_sample_value(
                "distillwatch_bridge_requests_total", {"result": result}
            )
            for result in RESULTS
        }
        return {result: count for result, count in found.items() if count}

    @property
    def pending(self) -> float | None:
        return self._metrics.registry.get_sample_value("distillwatch_bridge_pending_bytes")


@asynccontextmanager
async def running(**settings: Any) -> AsyncIterator[Running]:
    producer, metrics = Producer(), BridgeMetrics()
    given: dict[str, Any] = {"port": 0, "tokens": Secret(f"other-{TOKEN} {TOKEN}")}
    bridge = Bridge(
        BridgeSettings(**given | settings),
        topic="requests",
        producer=cast("Any", producer),
        metrics=metrics,
    )
    await bridge.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{bridge.port}") as session:
            yield Running(session, producer, metrics)
    finally:
        await bridge.stop()
    assert metrics.registry.get_sample_value("distillwatch_bridge_pending_bytes") == 0
