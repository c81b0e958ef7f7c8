"""The official client with the official instrumentation: its spans as the product reads them."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from conftest import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Product

pytestmark = pytest.mark.gateways

TENANTS = ["blue", "green", "red"]
NEW = {
    "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "span_only",
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("names", ["old", "new"])
async def test_what_was_sent_is_what_is_read(
    names: str, litellm: str, product: Product, tool: Callable[[str], str]
) -> None:
    environment = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{product.url}/v1/traces",
        "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization=Bearer%20{product.token}",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
    } | (NEW if names == "new" else {})
    ended = await asyncio.to_thread(
        subprocess.run,
        [tool("python"), str(PROGRAMS / "traced.py"), f"{litellm}/v1", *TENANTS],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    told = Counter(tuple(json.loads(line)) for line in ended.stdout.splitlines())
    events = [e for e in await product.events() if e.account_id in TENANTS]  # not LiteLLM's own
    found = Counter((e.account_id, e.input_tokens, e.output_tokens) for e in events)
    assert found == told
    good = [event for event in events if event.status == 200]
    assert len(good) == 2 * len(TENANTS)
    assert {event.model for event in good} == {"small"}
    assert {(event.temperature, event.max_tokens) for event in good} == {(0.25, 17)}
    if names == "new":
        assert {event.prompt for event in good} == {
            f"question {number} of {tenant}" for tenant in TENANTS for number in range(2)
        }
        assert {event.system_prompt for event in good} == {f"You serve {t}." for t in TENANTS}
