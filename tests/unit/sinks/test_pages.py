from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from stream.errors import SettingsError
from stream.metrics import Metrics, register_process
from stream.sinks.health import Health
from stream.sinks.pages import Pages
from stream.sinks.settings import HttpSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

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


async def test_probes_say_what_is_wrong(client: aiohttp.ClientSession, health: Health) -> None:
    health.waiting(0, 1)
    for path, reason in (
        ("/livez", "records are waiting and none was processed for 100 s\n"),
        ("/readyz", "recovering state\n"),
    ):
        async with client.get(path) as response:
            assert response.status == 503
            assert await response.text() == reason


async def test_probes_say_ok(client: aiohttp.ClientSession, health: Health) -> None:
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
