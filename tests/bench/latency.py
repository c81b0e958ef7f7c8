"""How long after the event that completes it an alert is on its topic and at a webhook.

``python tests/bench/latency.py --rate 5000``: a worker on Apache Kafka reads the demo's scenario,
played faster than it was, among events of other accounts that bring the rate to ``--rate`` a
second. A step of event time is complete once every partition has an event of
``windows.allowed_lateness_s`` later; that event's arrival is where the clock starts, for all alerts
of the step. Also printed: how long the longest pause of consumption and the longest flush of state
were.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
from aiohttp import web
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from stream.accounts.windows.settings import WindowSettings
from stream.kafka.connection import keep_trying
from stream.kafka.settings import KafkaSettings, TopicSettings
from stream.kafka.topics import create
from testlib.brokers.apache_kafka import ApacheKafka
from testlib.workers.command import worker_environment
from testlib.workers.worker import Worker, running

if TYPE_CHECKING:
    from collections.abc import Sequence

_PARTITIONS: Final = 4
_TICK_S: Final = 0.05
_LOOK_S: Final = 0.2
_SECRET: Final = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLlPl"
_BACKGROUND: Final = 5_000  # accounts


@dataclass
class Watch:
    """When what came, by the wall clock, epoch seconds."""

    passed: list[tuple[float, float]] = field(default_factory=list)  # wall, event time
    on_topic: list[tuple[float, float]] = field(default_factory=list)  # end of the step, wall
    at_hook: list[tuple[float, float]] = field(default_factory=list)
    moved: list[float] = field(default_factory=list)  # when the worker had counted more

    def delays(self, seen: Sequence[tuple[float, float]]) -> np.ndarray:
        """Return how long after the completion of its step each alert came, seconds."""
        wall, events = np.array(self.passed).T
        steps, came = np.array(seen).reshape(-1, 2).T
        at = np.searchsorted(events, steps + WindowSettings().allowed_lateness_s)
        kept = at < len(events)
        return np.asarray(came[kept] - wall[at[kept]])


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rate", type=float, default=5_000, help="events a second in all")
    parser.add_argument("--times", type=float, default=600, help="how much faster than it was")
    options = parser.parse_args()
    with ApacheKafka() as kafka, tempfile.TemporaryDirectory() as folder:
        topics = TopicSettings()
        settings = KafkaSettings(bootstrap_servers=kafka.bootstrap)
        keep_trying(settings, lambda admin: create(admin, topics))
        rows = _scenario(Path(folder) / "demo.jsonl")
        asyncio.run(_run(kafka.bootstrap, topics, rows, options, Path(folder)))


def _scenario(path: Path) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "stream.cli.main", "simulate", "--scenario", "demo"]
    subprocess.run([*command, "--out", str(path)], check=True, capture_output=True)
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]


async def _run(
    bootstrap: str,
    topics: TopicSettings,
    rows: list[dict[str, Any]],
    options: argparse.Namespace,
    folder: Path,
) -> None:
    watch = Watch()
    runner = web.AppRunner(_hook(watch))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    more = {
        "WEBHOOK_URL": f"http://127.0.0.1:{port}/",
        "WEBHOOK_SECRET": _SECRET,
        "WEBHOOK_ALLOW_INSECURE": "true",
    }
    with running(worker_environment(bootstrap, **more), folder / "worker.log") as worker:
        await asyncio.to_thread(worker.until_ready, 120)
        cpu_s, began = worker.cpu_s(), time.monotonic()
        tasks = [
            asyncio.create_task(_read(bootstrap, topics.alerts, watch)),
            asyncio.create_task(_look(worker, watch)),
        ]
        sent = await _play(bootstrap, topics.requests, rows, options, watch)
        took, used = time.monotonic() - began, worker.cpu_s() - cpu_s
        await asyncio.sleep(10)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        flushes = worker.total("distillwatch_state_flush_seconds_count")
        flushing = worker.total("distillwatch_state_flush_seconds_sum")
    await runner.cleanup()
    print(f"{sent:,} events in {took:.1f} s ({sent / took:,.0f}/s), {used / took:.2f} of a core")
    for what, seen in (("topic", watch.on_topic), ("webhook", watch.at_hook)):
        print(f"{what}: {_said(watch.delays(seen))}")
    print(
        f"{flushes:.0f} flushes, {flushing / max(flushes, 1):.3f} s each; longest time without an "
        f"event counted: {max((b - a for a, b in pairwise(watch.moved)), default=0):.2f} s"
    )


def _said(delays: np.ndarray) -> str:
    if not len(delays):
        return "no alerts"
    p50, p99 = np.quantile(delays, [0.5, 0.99])
    return f"{len(delays)} alerts, p50 {p50:.2f} s, p99 {p99:.2f} s, longest {delays.max():.2f} s"


def _hook(watch: Watch) -> web.Application:
    async def handle(request: web.Request) -> web.Response:
        watch.at_hook.append(_seen(msgspec.json.decode(await request.read())["data"]))
        return web.Response()

    app = web.Application()
    app.router.add_post("/", handle)
    return app


async def _read(bootstrap: str, topic: str, watch: Watch) -> None:
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap) as consumer:
        async for record in consumer:
            watch.on_topic.append(_seen(msgspec.json.decode(record.value or b"")))


def _seen(alert: dict[str, Any]) -> tuple[float, float]:
    """Return the end of the step that an alert is about, epoch seconds, and when it is here."""
    return datetime.fromisoformat(alert["updated_at"]).timestamp(), time.time()


async def _look(worker: Worker, watch: Watch) -> None:
    counted = -1.0
    while True:
        now = await asyncio.to_thread(worker.total, "distillwatch_events_total")
        if now > counted:
            counted = now
            watch.moved.append(time.monotonic())
        await asyncio.sleep(_LOOK_S)


async def _play(
    bootstrap: str,
    topic: str,
    rows: list[dict[str, Any]],
    options: argparse.Namespace,
    watch: Watch,
) -> int:
    """Send the scenario, so many times faster, with other accounts in between."""
    first, sent, at = rows[0]["timestamp"], 0, 0
    began = time.time()
    # The newest event time is that of now at the end.
    moved = began + (rows[-1]["timestamp"] - first) / options.times - rows[-1]["timestamp"]
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=5) as producer:
        while at < len(rows):
            await asyncio.sleep(_TICK_S)
            now = time.time()
            reached = first + (now - began) * options.times
            due = []
            while at < len(rows) and rows[at]["timestamp"] <= reached:
                row = rows[at] | {"timestamp": rows[at]["timestamp"] + moved}
                if "account_created_at" in row:
                    row["account_created_at"] += moved
                due.append(msgspec.json.encode(row))
                at += 1
            wanted = int((now - began) * options.rate) - sent - len(due)
            due += [_other(sent + i, reached + moved) for i in range(max(wanted, _PARTITIONS))]
            for i, value in enumerate(due):
                future = await producer.send(topic, value, partition=i % _PARTITIONS)
            sent += len(due)
            await future
            watch.passed.append((time.time(), reached + moved))
    return sent


def _other(number: int, at: float) -> bytes:
    account = number * 7919 % _BACKGROUND
    return (
        f'{{"timestamp":{at:.3f},"account_id":"other_{account}","model":"m","status":200,'
        f'"payment_id":"card-o{account}","client_ip":"11.0.{account >> 8}.{account & 255}",'
        f'"account_created_at":{1.7e9 + account:.0f},"user_agent":"agent","input_tokens":100,'
        f'"output_tokens":{number % 500}}}'
    ).encode()


if __name__ == "__main__":
    main()
