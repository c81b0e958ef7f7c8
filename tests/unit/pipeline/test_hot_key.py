"""One account that is half of the traffic changes nothing for the others."""

from __future__ import annotations

import heapq
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from stream.core.records import Record
from stream.metrics import Metrics
from stream.pipeline.chain import Chain
from stream.settings import Settings

if TYPE_CHECKING:
    from stream.core.alerts import Alert

HOT = "hot-key"


def hot(lines: list[bytes]) -> list[bytes]:
    """Return as many requests of one account over the same time, each with a prompt of its own."""
    times = [msgspec.json.decode(line)["timestamp"] for line in lines]
    return [
        msgspec.json.encode(
            {
                "timestamp": time,
                "account_id": HOT,
                "model": "m",
                "prompt": f"What is the {i} of number {i * 7919 % 10007} in base {i % 61}?",
                "input_tokens": 20,
                "output_tokens": 300,
                "payment_id": "hot-card",
                "client_ip": f"198.51.100.{i % 200}",
            }
        )
        for i, time in enumerate(times)
    ]


def alerts(lines: list[bytes]) -> list[Alert]:
    chain = Chain(replace(Settings().stages, tasks=1), source="t", metrics=Metrics())
    found = []
    for first in range(0, len(lines), 500):
        records = [Record(first + i, None, line) for i, line in enumerate(lines[first:][:500])]
        found += chain.process(records, now_s=2e9)
    return [*found, *chain.finish()]


def told(found: list[Alert]) -> list[tuple[object, ...]]:
    """Return what people would do about each alert; scores depend a little on everybody."""
    return [
        (a.alert_id, a.kind, a.status, a.updated_at, a.account_id, a.account_ids)
        for a in found
        if a.account_id != HOT
    ]


def test_the_others_get_the_same_alerts(ring_lines: list[bytes]) -> None:
    both = heapq.merge(
        ring_lines, hot(ring_lines), key=lambda line: msgspec.json.decode(line)["timestamp"]
    )
    without = told(alerts(ring_lines))
    assert without
    assert told(alerts(list(both))) == without
