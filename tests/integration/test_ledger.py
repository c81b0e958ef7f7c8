"""From traffic to the report: the ledger of a worker that is killed has what the events say."""

from __future__ import annotations

import time
import zlib
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from kafka import KafkaProducer

from stream.core.ledger import ledger_day_in
from stream.core.records import Record
from stream.metrics import Metrics
from stream.pipeline.chain import Chain
from stream.settings import Settings
from stream.tools.simulate.population import Crowd, PlantedCampaigns
from stream.tools.simulate.scenario import Scenario
from testlib.until import until
from testlib.workers.command import run, settings
from testlib.workers.worker import worker

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

SCENARIO = Scenario(
    id="ledger",
    crowd=Crowd(
        people=40,
        tool_users=10,
        staff=8,
        services=4,
        batches=0,
        evaluations=0,
        pipelines=0,
        migrations=0,
        tutoring=0,
    ),
    planted=PlantedCampaigns(pool=30, after_s=1800.0),
    span_s=3 * 3600.0,
)
PERIOD = ("--from", "2026-01-01", "--to", "2027-01-01")
COUNTRIES = ("DE", "JP")


def located(line: bytes) -> dict[str, Any]:
    """Return a call with a country of its account, and tokens of reasoning."""
    call: dict[str, Any] = msgspec.json.decode(line)
    country = COUNTRIES[zlib.crc32(call["account_id"].encode()) % len(COUNTRIES)]
    return call | {"country": country, "reasoning_tokens": call.get("output_tokens", 0) // 4}


def send(bootstrap: str, topic: str, calls: Iterable[dict[str, Any]]) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    for call in calls:
        producer.send(topic, msgspec.json.encode(call))
    producer.flush()
    producer.close()


def replayed(calls: list[dict[str, Any]]) -> dict[bytes, bytes | None]:
    """Return the ledger of a replay of the calls, with as many tasks as the worker has."""
    stages = replace(Settings().stages, tasks=1)
    chain = Chain(stages, source="t", metrics=Metrics(strict=False))
    records = [Record(i, None, msgspec.json.encode(call)) for i, call in enumerate(calls)]
    chain.process(records, now_s=time.time())
    chain.finish()
    return chain.ledger


def reported(environment: dict[str, str]) -> dict[str, Any]:
    done = run(environment, "report", *PERIOD)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = msgspec.json.decode(done.stdout)
    return report


def test_the_report_has_all_that_left_although_the_worker_was_killed(
    bootstrap: str, broker: str, tmp_path: Path
) -> None:
    calls = [located(line) for line in SCENARIO.lines()]
    # An hour and a half later one call closes the rest; its own hour is not written.
    last = calls[-1] | {"timestamp": calls[-1]["timestamp"] + 5400, "request_id": "last"}
    environment = settings(bootstrap, kafka_transactions=broker == "kafka")
    topic = environment["DISTILLWATCH_TOPICS_REQUESTS"]
    assert run(environment, "topics", "create").returncode == 0
    half = len(calls) // 2
    with worker(environment, tmp_path) as first:
        first.until_ready()
        send(bootstrap, topic, calls[:half])
        first.until(
            lambda: first.total("distillwatch_windows_closed_total", stage="alerting") > 5,
            what="windows that alerting has closed",
        )
        first.kill()
    with worker(environment, tmp_path) as second:
        send(bootstrap, topic, [*calls[half:], last])
        second.until_ready()
        found: dict[str, Any] = {}

        def counted() -> bool:
            found.update(reported(environment)["egress"])
            return bool(found["total"]["requests"] >= len(calls))

        until(counted, what="every call in the ledger", within_s=120, check=second.check)
        assert second.stop() == 0

    sent: Counter[str] = Counter()
    models: Counter[str] = Counter()
    for call in calls:
        sent[call["country"]] += call["output_tokens"]
        models[call["model"]] += call["output_tokens"]
    total = found["total"]
    assert total["requests"] == len(calls)
    assert total["output_tokens"] == sum(sent.values())
    assert total["reasoning_tokens"] == sum(call["reasoning_tokens"] for call in calls)
    assert {one["name"]: one["sums"]["output_tokens"] for one in found["countries"]} == sent
    shown = {one["name"]: one["sums"]["output_tokens"] for one in found["models"]}
    assert shown.items() - {None: 0}.items() >= {
        (name, tokens) for name, tokens in models.items() if name in shown
    }
    assert sum(shown.values()) == sum(models.values())

    # A replay of the same calls has the same ledger, the part of campaigns included.
    days = [ledger_day_in(key, value) for key, value in replayed([*calls, last]).items()]
    names = [day.day for day in days if day]
    assert [day["day"] for day in found["days"]] == names
    known = sum(
        part.before.requests + part.known.requests
        for day in days
        if day
        for part in day.campaigns.values()
    )
    assert known > 0
    assert found["campaigns_known"]["requests"] + found["campaigns_before"]["requests"] == known
