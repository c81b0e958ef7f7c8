"""Receivers that break the rules of HTTP and TLS: every try ends, in bounded time and memory."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import gzip
import ssl
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from aiohttp import web

from stream.core.secret import Secret
from stream.delivery.webhook import WebhookSink

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from stream.metrics import Metrics
    from testlib.receivers import Receiver

    Speak = Callable[[asyncio.StreamWriter], Awaitable[None]]
    Outcome = Callable[..., Awaitable[str]]

BOMB = gzip.compress(bytes(100_000_000), 1)
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


async def drip(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX: ")
    await drip_on(writer)


async def drip_on(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def drip_a_body(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 1000000\r\n\r\n")
    await drip_on(writer)


async def endless_body(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + bytes(65536) + b"\r\n")
        await writer.drain()


async def endless_header(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 503 Busy\r\nX: ")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def endless_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 503 Busy\r\n")
    while True:
        writer.write(b"X-Again: and again\r\n" * 1000)
        await writer.drain()


async def endless_interim_answers(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 102 Processing\r\n\r\n" * 1000)
        await writer.drain()


async def compressed_bomb(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 503 Busy\r\nContent-Encoding: gzip\r\n")
    writer.write(b"Content-Length: %d\r\n\r\n" % len(BOMB) + BOMB)
    await writer.drain()


async def half_a_status_line(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 20")


async def half_a_body(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\nhalf")


async def no_http(writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x16\x03\x01\x00\xff SSH-2.0-nonsense\r\n\r\n")


async def bad_header(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 503 Busy\r\n\x00\xff: \xfe\r\nContent-Length: nought\r\n\r\n")


async def nothing(_: asyncio.StreamWriter) -> None:
    pass


@contextlib.asynccontextmanager
async def serving(speak: Speak, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Answer every connection with ``speak`` and close it; yields the port."""
    speaking: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            speaking.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await reader.readuntil(b"\r\n\r\n")
            await speak(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in speaking:
            task.cancel()
        await asyncio.gather(*speaking)
        await server.wait_closed()


def attempts(metrics: Metrics) -> dict[str, float]:
    family = next(iter(metrics.sink_attempts_total.collect()))
    return {s.labels["result"]: s.value for s in family.samples if s.name.endswith("_total")}


@pytest.fixture
def outcome(settings_for, alert_of, metrics, driven):
    """Return what posts one alert to an address, and how that ended."""

    async def run(url: str, **changes: object) -> str:
        settings = settings_for(url=Secret(url), **{"retry_for_s": 20, **changes})
        sink = WebhookSink(settings, metrics=metrics, clock=driven.clock)
        try:
            return await asyncio.wait_for(sink.prepare(alert_of())(), 30)
        finally:
            await sink.close()

    return run


@pytest.mark.parametrize(
    ("speak", "result"),
    [
        (drip, "timeout"),
        (drip_a_body, "5xx"),
        (endless_body, "5xx"),
        (endless_header, "unreachable"),
        (endless_headers, "unreachable"),
        (endless_interim_answers, "timeout"),
        (compressed_bomb, "5xx"),
        (half_a_status_line, "unreachable"),
        (half_a_body, "5xx"),
        (no_http, "unreachable"),
        (bad_header, "unreachable"),
        (nothing, "unreachable"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
async def test_every_try_ends_in_bounded_time_and_memory(
    speak: Speak, result: str, outcome: Outcome, metrics: Metrics
) -> None:
    async with serving(speak) as port:
        tracemalloc.start()
        try:
            assert await outcome(f"http://127.0.0.1:{port}/", timeout_s=0.5) == "timed_out"
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    tried = attempts(metrics)
    # On a busy machine any answer may come too late, once.
    assert tried.keys() <= {result, "timeout"}
    assert tried[result] >= 1
    assert sum(tried.values()) >= 2
    assert peak < 16_000_000


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def authority(ca: trustme.CA, tmp_path: Path) -> str:
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    return str(tmp_path / "ca.pem")


@contextlib.asynccontextmanager
async def tls_receiver(receiver: Receiver, certificate: trustme.LeafCert) -> AsyncIterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    app = web.Application()
    app.router.add_post("/{path}", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield f"https://localhost:{runner.addresses[0][1]}/hook"
    finally:
        await runner.cleanup()


async def test_a_certificate_of_a_given_authority_is_trusted(
    receiver: Receiver, outcome: Outcome, ca: trustme.CA, authority: str
) -> None:
    async with tls_receiver(receiver, ca.issue_cert("localhost")) as url:
        assert await outcome(url, ssl_cafile=authority) == "delivered"
    assert len(receiver.got) == 1


def self_signed(_: trustme.CA) -> trustme.LeafCert:
    return trustme.CA().issue_cert("localhost")


def expired(ca: trustme.CA) -> trustme.LeafCert:
    return ca.issue_cert("localhost", not_after=LONG_AGO, not_before=LONG_AGO)


def for_another_name(ca: trustme.CA) -> trustme.LeafCert:
    return ca.issue_cert("elsewhere.example.org")


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (self_signed, "unable to get local issuer certificate"),
        (expired, "certificate has expired"),
        (for_another_name, "certificate is not valid for 'localhost'"),
    ],
    ids=["self-signed", "expired", "another name"],
)
async def test_a_bad_certificate_gets_no_alert_and_is_named(
    made: Callable[[trustme.CA], trustme.LeafCert],
    reason: str,
    receiver: Receiver,
    outcome: Outcome,
    metrics: Metrics,
    ca: trustme.CA,
    authority: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with tls_receiver(receiver, made(ca)) as url:
        # Even where clear text is allowed: that is another thing than TLS without verification.
        assert await outcome(url, ssl_cafile=authority, allow_insecure=True) == "timed_out"
    assert receiver.got == []
    assert attempts(metrics).keys() == {"untrusted"}
    assert f"no TLS that can be trusted ({reason}" in caplog.text.replace("Hostname mismatch, ", "")


async def test_https_to_a_port_without_tls_has_its_own_reason(
    receiver: Receiver, outcome: Outcome, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    assert await outcome(receiver.url.replace("http", "https")) == "timed_out"
    assert attempts(metrics).keys() == {"untrusted"}
    assert "no TLS that can be trusted (WRONG_VERSION_NUMBER)" in caplog.text


async def test_a_name_that_leads_to_the_metadata_service_gets_nothing(
    outcome: Outcome, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    dialled: list[object] = []

    async def resolve(*_: object, **__: object) -> list[object]:
        return [(2, 1, 6, "", ("169.254.169.254", 443))]

    async def connect(_: object, address: object) -> None:
        dialled.append(address)

    monkeypatch.setattr(loop, "getaddrinfo", resolve)
    monkeypatch.setattr(loop, "sock_connect", connect)
    assert await outcome("https://rebound.example.org/") == "timed_out"
    assert attempts(metrics).keys() == {"unreachable"}
    assert dialled == []
