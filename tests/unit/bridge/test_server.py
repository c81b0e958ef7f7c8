"""What gateways are answered, and what the topic gets, over real HTTP."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import zstandard
from aiokafka.errors import KafkaTimeoutError, MessageSizeTooLargeError

from stream.core.errors import SettingsError
from stream.core.secret import Secret
from stream.http.bridge.metrics import RESULTS, BridgeMetrics
from stream.http.bridge.server import Bridge
from stream.http.bridge.settings import BridgeSettings

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
        for _ in range(1000):
            await asyncio.sleep(0.01 * (len(self.sent) < count))
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
    bridge = Bridge(
        BridgeSettings(**{"port": 0, "tokens": Secret(f"other-{TOKEN} {TOKEN}")} | settings),
        topic="requests",
        producer=producer,
        metrics=metrics,
    )
    await bridge.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{bridge.port}") as session:
            yield Running(session, producer, metrics)
    finally:
        await bridge.stop()
    assert metrics.registry.get_sample_value("distillwatch_bridge_pending_bytes") == 0


async def test_a_body_is_a_record_as_it_is() -> None:
    async with running() as bridge:
        bodies = [ONE, b"[" + ONE + b"]", ONE + b"\n" + ONE]
        for body in bodies:
            assert (await bridge.post(body, path="/any/path"))[0] == 200
        assert bridge.producer.sent == bodies
        assert bridge.counted() == {"accepted": 3}


async def test_packed_bodies_are_unpacked() -> None:
    async with running() as bridge:
        for packed, encoding in [
            (gzip.compress(ONE), "gzip"),
            (zlib.compress(ONE), "deflate"),
            (ONE, "identity"),
            (zstandard.ZstdCompressor().compress(ONE), "zstd"),
        ]:
            assert (await bridge.post(packed, Content_Encoding=encoding))[0] == 200
        assert bridge.producer.sent == [ONE] * 4


async def test_spans_are_answered_as_otlp_has_it() -> None:
    async with running() as bridge:
        spans = b"\n\x03abc"
        kind = "application/x-protobuf"
        status, headers, body = await bridge.post(spans, path="/v1/traces", Content_Type=kind)
        assert (status, headers["Content-Type"], body) == (200, kind, b"")
        assert bridge.producer.sent == [spans]
        status, headers, body = await bridge.post(b'{"resourceSpans":[]}', path="/v1/traces")
        assert (status, json.loads(body)) == (200, {})


@pytest.mark.parametrize(
    "given", ["", TOKEN, "Bearer", "Bearer 0123456789abcdeX", f"Basic {TOKEN}", f"Bearer {TOKEN} "]
)
async def test_nobody_comes_in_without_a_token(given: str) -> None:
    async with running() as bridge:
        status, _, _ = await bridge.post(ONE, Authorization=given)
        # Blanks around a header's value are no part of it (RFC 9110, 5.5).
        assert status == (200 if given.strip() == f"Bearer {TOKEN}" else 401)
        assert len(bridge.producer.sent) == (status == 200)


async def test_a_token_can_be_rotated() -> None:
    async with running() as bridge:
        status, _, _ = await bridge.post(ONE, Authorization=f"Bearer other-{TOKEN}")
        assert status == 200


async def test_what_is_too_long_is_refused_however_it_comes() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 100

    async with running(max_body_bytes=2000) as bridge:
        assert (await bridge.post(b" " * 2001))[0] == 413
        assert (await bridge.post(chunks()))[0] == 413
        bomb = gzip.compress(b"[" + b" " * 10_000_000 + b"]")
        assert (await bridge.post(gzip.compress(bomb), Content_Encoding="gzip"))[0] in {400, 413}
        assert (await bridge.post(gzip.compress(b" " * 9999), Content_Encoding="gzip"))[0] == 413
        bomb = zstandard.ZstdCompressor().compress(b"[" + b" " * 500_000_000 + b"]")
        assert (await bridge.post(bomb[:1900], Content_Encoding="zstd"))[0] in {400, 413}
        frames = zstandard.ZstdCompressor().compress(b" " * 1500) * 2
        assert (await bridge.post(frames, Content_Encoding="zstd"))[0] == 413
        assert bridge.producer.sent == []


@pytest.mark.parametrize("body", [b"", b"hello", b"\xff"])
async def test_what_is_no_json_is_refused(body: bytes) -> None:
    async with running() as bridge:
        assert (await bridge.post(body))[0] == 400
        assert bridge.counted() == {"invalid": 1}


async def test_a_broken_packing_is_refused() -> None:
    async with running() as bridge:
        for body, encoding in [
            (b"no gzip", "gzip"),
            (gzip.compress(ONE)[:-9], "gzip"),
            (b"", "gzip"),
            (ONE, "br"),
            (ONE, "zstd"),
            (b"", "zstd"),
            (zstandard.ZstdCompressor().compress(ONE)[:-1], "zstd"),
            (zstandard.ZstdCompressor().compress(b"") * 101, "zstd"),
        ]:
            assert (await bridge.post(body, Content_Encoding=encoding))[0] == 400
        assert (await bridge.post(ONE))[0] == 200


async def test_slow_brokers_make_gateways_wait_and_hold_little() -> None:
    async with running(max_body_bytes=1000, max_pending_bytes=2500) as bridge:
        bridge.producer.ready.clear()
        body = b'{"text":"' + b"x" * 900 + b'"}'
        under_way = [asyncio.create_task(bridge.post(body)) for _ in range(2)]
        await bridge.producer.had(2)
        assert bridge.pending == 2 * len(body)
        status, headers, _ = await bridge.post(body)
        assert (status, headers["Retry-After"]) == (429, "1")
        bridge.producer.ready.set()
        assert [status for status, _, _ in await asyncio.gather(*under_way)] == [200, 200]
        assert (await bridge.post(body))[0] == 200
        assert bridge.counted() == {"accepted": 3, "busy": 1}


@pytest.mark.parametrize(
    ("failure", "expected"), [(KafkaTimeoutError(), 503), (MessageSizeTooLargeError(), 413)]
)
async def test_only_what_is_durable_is_accepted(failure: Exception, expected: int) -> None:
    async with running() as bridge:
        bridge.producer.failure = failure
        assert (await bridge.post(ONE))[0] == expected


async def test_brokers_that_do_not_answer_are_not_waited_for() -> None:
    async with running(timeout_s=0.05) as bridge:
        bridge.producer.ready.clear()
        status, headers, _ = await bridge.post(ONE)
        assert (status, headers["Retry-After"]) == (503, "1")


@pytest.mark.parametrize("tokens", ["", "  ", "short", f"{TOKEN} short"])
def test_a_bridge_without_good_tokens_does_not_start(tokens: str) -> None:
    with pytest.raises(SettingsError, match=r"^bridge\.tokens: ") as caught:
        Bridge(
            BridgeSettings(tokens=Secret(tokens)),
            topic="requests",
            producer=Producer(),
            metrics=BridgeMetrics(),
        )
    assert "short" not in str(caught.value)
