"""How long decoding and fingerprinting take: run with ``make bench-stages``; asserts no times.

``test_auto`` asserts a ratio: recognising each record's format promises to cost less than 10 %.
Measured on two shared, busy cores: 0.95 to 1.10 of a fixed format, canonical 1.02, LiteLLM 0.98.
"""

from __future__ import annotations

import json
import math
import time
from typing import TYPE_CHECKING

import msgspec
import pytest

from stream.core.records import Record
from stream.intake.codec.decoder import Decoder
from stream.intake.codec.settings import IntakeSettings
from stream.intake.fingerprint.fingerprinter import Fingerprinter
from stream.metrics import Metrics
from testlib.paths import SAMPLES

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

NOW = 1_760_100_000.0
EVENTS = 4096
ROUND = 128
ROUNDS, MOST_ROUNDS = 40, 400
PROMISED = 1.1
GATEWAYS = ("kong", "apisix", "envoy", "otlp", "portkey", "helicone", "cloudflare")
KINDS = ("canonical", "canonical with 1 kB of text", "litellm of 14 kB")


def records(kind: str) -> list[Record]:
    if kind.startswith("litellm"):
        payload = json.loads((SAMPLES / "litellm_payloads.jsonl").read_text().splitlines()[0])
        rows = [payload | {"startTime": 1.76e9 + i} for i in range(EVENTS)]
    else:
        event = json.loads((SAMPLES / "canonical_events.jsonl").read_text().splitlines()[0])
        del event["prompt"], event["system_prompt"]
        rows = [
            event | {"timestamp": 1.76e9 + i, "account_id": f"a{i % 500}"} for i in range(EVENTS)
        ]
        if "text" in kind:
            rows = [
                row | {"prompt": f"explain item {i} " + "some words " * 90}
                for i, row in enumerate(rows)
            ]
    return [Record(i, None, json.dumps(row).encode()) for i, row in enumerate(rows)]


@pytest.mark.parametrize("kind", KINDS)
def test_decode(benchmark: BenchmarkFixture, kind: str) -> None:
    batch, decoder = records(kind), Decoder(IntakeSettings(), Metrics())
    decoded = benchmark(decoder.decode, batch, now_s=NOW)
    assert len(decoded.events) == EVENTS
    report(benchmark)


@pytest.mark.parametrize("kind", KINDS)
def test_columns(benchmark: BenchmarkFixture, kind: str) -> None:
    decoded = Decoder(IntakeSettings(), Metrics()).decode(records(kind), now_s=NOW)
    fingerprinter = Fingerprinter(b"salt")
    batch = benchmark(fingerprinter.columns, decoded.events, decoded.offsets)
    assert len(batch) == EVENTS
    report(benchmark)


def of_format(format_: str) -> list[Record]:
    """Return records of a gateway's samples, over and over."""
    if format_ in {"canonical", "litellm"}:
        kind = next(kind for kind in KINDS if kind.startswith(format_))
        return records(kind)[:ROUND]
    [path] = SAMPLES.glob(f"{format_}_*[!r].jsonl")  # none of `_other`
    lines = path.read_bytes().splitlines()
    return [Record(i, None, lines[i % len(lines)]) for i in range(ROUND)]


@pytest.mark.parametrize("format_", GATEWAYS)
def test_decode_gateway(benchmark: BenchmarkFixture, format_: str) -> None:
    batch, decoder = of_format(format_), Decoder(IntakeSettings(), Metrics())
    decoded = benchmark(decoder.decode, batch, now_s=NOW)
    assert decoded.rejects == []
    report(benchmark, len(decoded.events))


@pytest.mark.parametrize("format_", ["canonical", "litellm", *GATEWAYS])
def test_auto(format_: str) -> None:
    batch = of_format(format_)
    decoders = [
        Decoder(msgspec.convert({"format": name}, IntakeSettings), Metrics())
        for name in ("auto", format_)
    ]
    # The best of many short rounds, side by side: what disturbs one disturbs the other. A busy
    # machine needs more of them, and what is really slower stays so.
    best = [math.inf, math.inf]
    for number in range(MOST_ROUNDS):
        for i in (number % 2, 1 - number % 2):
            start = time.process_time_ns()
            decoders[i].decode(batch, now_s=NOW)
            best[i] = min(best[i], time.process_time_ns() - start)
        if number >= ROUNDS and best[0] < PROMISED * best[1]:
            break
    ratio = best[0] / best[1]
    print(f"\n{format_}: auto takes {ratio:.2f} of {best[1] / len(batch) / 1e3:.2f} us a record")
    assert ratio < 1.3  # a guess that fails every time takes 2


def report(benchmark: BenchmarkFixture, events: int = EVENTS) -> None:
    if benchmark.stats is not None:
        per_event = benchmark.stats.stats.median / events * 1e6
        benchmark.extra_info["us_per_event"] = per_event
        print(f"\n{benchmark.name}: {per_event:.2f} us an event")
