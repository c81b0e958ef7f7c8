from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import aiohttp
import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from stream.core.errors import SettingsError
from stream.http.health import Health
from stream.http.pages import MAX_CONNECTIONS, Pages
from stream.http.settings import HttpSettings
from stream.telemetry.process import register_process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from stream.metrics import Metrics

OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.3"


@pytest.fixture
def health() -> Health:
    return Health(stalled_after_s=60)


@pytest.fixture
async def pages(metrics: Metrics, health: Health) -> AsyncIterator[Pages]:
    made = Pages(
        HttpSettings(host="127.0.0.1", port=0),
        registry=metrics.registry,
        health=health,
        now=lambda: 100.0,
    )
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def client(pages: Pages) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{pages.port}") as session:
        yield session


async def test_a_scrape_reads_as_text(client: aiohttp.ClientSession, metrics: Metrics) -> None:
    register_process(metrics.registry)
    metrics.events_total.labels("canonical", "accepted").inc(7)
    metrics.score.labels("account").observe(0.97)
    async with client.get("/metrics") as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/plain; version=")
        families = {family.name: family for family in parse_text(await response.text())}
    samples = families["distillwatch_events"].samples
    (sample,) = [s for s in samples if s.name.endswith("_total") and s.value]
    assert sample.labels == {"format": "canonical", "result": "accepted"}
    assert sample.value == 7
    assert families["distillwatch_score"].type == "histogram"
    assert "process_resident_memory_bytes" in families


async def test_a_scrape_reads_as_openmetrics(
    client: aiohttp.ClientSession, metrics: Metrics
) -> None:
    metrics.events_total.labels("litellm", "rejected").inc(3)
    metrics.model_info.info({"version": "7"})
    async with client.get("/metrics", headers={"Accept": OPENMETRICS}) as response:
        assert response.headers["Content-Type"].startswith("application/openmetrics-text")
        text = await response.text()
    families = {family.name: family for family in parse_openmetrics(text)}
    assert text.endswith("# EOF\n")
    assert families["distillwatch_events"].type == "counter"
    assert families["distillwatch_model"].samples[0].labels == {"version": "7"}


async def test_probes_answer_what_is_wrong(client: aiohttp.ClientSession, health: Health) -> None:
    health.waiting(0, 1)
    for path, reason in (
        ("/livez", "records are waiting and none was processed for 100 s\n"),
        ("/readyz", "recovering state\n"),
    ):
        async with client.get(path) as response:
            assert response.status == 503
            assert await response.text() == reason


async def test_probes_answer_ok(client: aiohttp.ClientSession, health: Health) -> None:
    health.recovered = health.consuming = True
    for path in ("/livez", "/readyz"):
        async with client.get(path) as response:
            assert (response.status, await response.text()) == (200, "ok\n")


@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz", "/", "/table", "/../etc/passwd"])
async def test_every_answer_is_locked_down(client: aiohttp.ClientSession, path: str) -> None:
    async with client.get(path) as response:
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "aiohttp" not in response.headers["Server"]


async def test_nothing_can_be_posted(client: aiohttp.ClientSession) -> None:
    async with client.post("/metrics", data=b"x") as response:
        assert response.status == 405


async def test_a_taken_port_is_one_line(pages: Pages, metrics: Metrics, health: Health) -> None:
    second = Pages(
        HttpSettings(host="127.0.0.1", port=pages.port), registry=metrics.registry, health=health
    )
    with pytest.raises(SettingsError) as caught:
        await second.start()
    assert f"http.port: cannot listen on 127.0.0.1:{pages.port}: " in str(caught.value)
    assert "\n" not in str(caught.value)
    await second.stop()


async def test_a_stopped_server_frees_its_port(metrics: Metrics, health: Health) -> None:
    settings = HttpSettings(host="127.0.0.1", port=0)
    first = Pages(settings, registry=metrics.registry, health=health)
    await first.start()
    await first.stop()
    again = HttpSettings(host="127.0.0.1", port=first.port)
    second = Pages(again, registry=metrics.registry, health=health)
    await second.start()
    await second.stop()
    await second.stop()


async def test_metrics_are_written_out_once_a_second_and_in_two_formats(
    metrics: Metrics, health: Health
) -> None:
    clock = [0.0]
    pages = Pages(
        HttpSettings(host="127.0.0.1", port=0),
        registry=metrics.registry,
        health=health,
        now=lambda: clock[0],
    )
    await pages.start()
    counted = metrics.early_firings_total.labels(stage="accounts")

    async def scraped(accept: str) -> str:
        url = f"http://127.0.0.1:{pages.port}/metrics"
        async with aiohttp.request("GET", url, headers={"Accept": accept}) as response:
            assert response.status == 200
            return await response.text()

    try:
        counted.inc()
        first = await scraped(OPENMETRICS)
        counted.inc()
        for version in ("1.0.0", "1.0.1", "7", "x" * 1000):
            accept = f"application/openmetrics-text;version={version};escaping=dots"
            assert await scraped(accept) == first
        clock[0] += 1.0
        assert await scraped(OPENMETRICS) != first
        assert 'early_firings_total{stage="accounts"} 2.0' in await scraped("*/*")
    finally:
        await pages.stop()


async def test_a_connection_serves_one_request(client: aiohttp.ClientSession) -> None:
    async with client.get("/livez") as response:
        assert response.headers["Connection"] == "close"


async def test_a_client_that_holds_connections_delays_no_other(
    pages: Pages, client: aiohttp.ClientSession, health: Health
) -> None:
    health.recovered = health.consuming = True
    held = []
    for i in range(5 * MAX_CONNECTIONS):
        reader, writer = await asyncio.open_connection("127.0.0.1", pages.port)
        if i % 2:
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: ")  # and never continues
        held.append((reader, writer))
    async with client.get("/readyz") as response:
        assert response.status == 200
    for reader, writer in held[: 4 * MAX_CONNECTIONS]:
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), timeout=5) == b""
        writer.close()
    for _, writer in held:
        writer.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00",
        b"GET\r\n\r\n",
        b"GET / HTTP/9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nx: " + b"y" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnone\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nit never comes",
        b"GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: \xff\xfe;q=x;version=\x80\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_answered_and_not_logged(
    sent: bytes, pages: Pages, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", pages.port)
    writer.write(sent)
    answer = await asyncio.wait_for(reader.read(), timeout=5)
    writer.close()
    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4", b"HTTP/1.1 200"))
    assert caplog.text == ""
