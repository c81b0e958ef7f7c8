"""How long decoding and fingerprinting take: run with ``make bench``; asserts no times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stream.codec.decoder import Decoder
from stream.codec.settings import IntakeSettings
from stream.fingerprint.fingerprinter import Fingerprinter
from stream.metrics import Metrics
from stream.types.records import Record

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

NOW = 1_760_100_000.0
EVENTS = 4096
SAMPLES = Path(__file__).parents[1] / "samples"
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


def report(benchmark: BenchmarkFixture) -> None:
    if benchmark.stats is not None:
        per_event = benchmark.stats.stats.median / EVENTS * 1e6
        benchmark.extra_info["us_per_event"] = per_event
        print(f"\n{benchmark.name}: {per_event:.2f} us an event")
