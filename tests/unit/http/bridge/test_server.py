"""What gateways are answered, and what the topic gets, over real HTTP."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from typing import TYPE_CHECKING, Any

import pytest
import zstandard
from aiokafka.errors import KafkaTimeoutError, MessageSizeTooLargeError

from stream.core.errors import SettingsError
from stream.core.secret import Secret
from stream.http.bridge.bridge_server import Bridge
from stream.http.bridge.metrics import BridgeMetrics
from stream.http.bridge.settings import BridgeSettings
from testlib.bridge import ONE, TOKEN, Producer, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


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
async def test_a_request_without_a_token_is_refused(given: str) -> None:
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
    producer: Any = Producer()
    with pytest.raises(SettingsError, match=r"^bridge\.tokens: ") as caught:
        Bridge(
            BridgeSettings(tokens=Secret(tokens)),
            topic="requests",
            producer=producer,
            metrics=BridgeMetrics(),
        )
    assert "short" not in str(caught.value)
