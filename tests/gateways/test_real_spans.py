"""The official client with the official instrumentation: its spans as the product reads them."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from testlib.ports import free_port
from testlib.until import until
from testlib.workers.gateway import PROGRAMS, process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from stream.intake.codec.event import RequestEvent
    from testlib.workers.gateway import Product

pytestmark = pytest.mark.gateways

TENANTS = ["blue", "green", "red"]
NEW = {
    "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "span_only",
}


COLLECTOR = """
receivers:
  otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{port}"}}}}}}
exporters:
  kafka/json: {{brokers: ["{broker}"], traces: {{topic: {topic}, encoding: otlp_json}}}}
  kafka/proto: {{brokers: ["{broker}"], traces: {{topic: {topic}, encoding: otlp_proto}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [kafka/json, kafka/proto]}}
"""


@pytest.fixture
def collector(
    tool: Callable[[str], str], product: Product, tmp_path: Path
) -> Iterator[dict[str, str]]:
    """A collector that writes every span to the topic twice, as JSON and as protobuf."""
    port, environment = free_port(), product.environment
    config = COLLECTOR.format(
        port=port,
        broker=environment["DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS"],
        topic=environment["DISTILLWATCH_TOPICS_REQUESTS"],
    )
    (tmp_path / "collector.yaml").write_text(config)
    with process(tmp_path / "collector.log", tool("otelcol"), "--config", "collector.yaml"):
        until(lambda: listens(port), within_s=30, what="collector")
        yield {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://127.0.0.1:{port}/v1/traces"}


@pytest.fixture
def bridge(product: Product) -> dict[str, str]:
    """What sends spans to the bridge, with no collector."""
    return {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{product.url}/v1/traces",
        "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization=Bearer%20{product.token}",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
    }


@pytest.mark.timeout(300)
@pytest.mark.parametrize("names", ["old", "new"])
async def test_over_the_bridge(
    names: str, litellm: str, product: Product, tool: Callable[[str], str], bridge: dict[str, str]
) -> None:
    told = await trace(tool, litellm, bridge, names)
    check(await product.events(), told, texts=names == "new")


@pytest.mark.timeout(300)
async def test_over_a_collector(
    litellm: str, product: Product, tool: Callable[[str], str], collector: dict[str, str]
) -> None:
    told = await trace(tool, litellm, collector, "new")
    check(await product.events(), told + told, texts=True)


async def trace(
    tool: Callable[[str], str], litellm: str, export: dict[str, str], names: str
) -> Counter[tuple[str, int | None, int | None]]:
    """Call as each tenant; return tenant, input and output tokens of every call."""
    ended = await asyncio.to_thread(
        subprocess.run,
        [tool("python"), str(PROGRAMS / "traced.py"), f"{litellm}/v1", *TENANTS],
        env=export | (NEW if names == "new" else {}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    told = Counter(tuple(json.loads(line)) for line in ended.stdout.splitlines())
    assert told.total() == 3 * len(TENANTS)
    return told


def check(
    events: Sequence[RequestEvent],
    told: Counter[tuple[str, int | None, int | None]],
    *,
    texts: bool,
) -> None:
    events = [event for event in events if event.account_id in TENANTS]  # LiteLLM logs too
    assert Counter((e.account_id, e.input_tokens, e.output_tokens) for e in events) == told
    good = [event for event in events if event.status == 200]
    assert 3 * len(good) == 2 * len(events)
    assert {event.model for event in good} == {"small"}
    assert {(event.temperature, event.max_tokens) for event in good} == {(0.25, 17)}
    if texts:
        assert {event.prompt for event in good} == {
            f"question {number} of {tenant}" for tenant in TENANTS for number in range(2)
        }
        assert {event.system_prompt for event in good} == {f"You serve {t}." for t in TENANTS}


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
