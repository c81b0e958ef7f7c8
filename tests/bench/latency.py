"""How long after the event that completes it an alert is on its topic and at a webhook.

``python tests/bench/latency.py --rate 2000``: time runs at its own speed. A worker on Apache Kafka
reads events of 5,000 accounts, and every 20 seconds a drill begins: a planted campaign, found by
the rules for all (:mod:`stream.tools.drill.campaign`). Campaigns are scored every minute instead of
every five, so that each minute has alerts. A minute is complete once every partition has an event
of ``windows.allowed_lateness_s`` later; that event's arrival is where the clock starts, for all
alerts of the minute. Also printed: how long the longest pause of consumption and the longest flush
of state were.
"""

from __future__ import annotations

import argparse
import asyncio
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
from stream.tools.drill.campaign import Campaign
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
_DRILL_EVERY_S: Final = 20.0  # at most 16 are remembered at once
_DRILL_ACCOUNTS: Final = 16
_SALT: Final = "the salt of this site"
_ROUND_S: Final = 5.0
_AFTER_S: Final = 15.0  # for what is still on its way


@dataclass
class Watch:
    """When what came, by the wall clock, epoch seconds."""

    passed: list[tuple[float, float]] = field(default_factory=list)  # wall, event time
    on_topic: list[tuple[float, float]] = field(default_factory=list)  # end of the window, wall
    at_hook: list[tuple[float, float]] = field(default_factory=list)
    moved: list[float] = field(default_factory=list)  # when the worker had counted more

    def delays(self, seen: Sequence[tuple[float, float]]) -> np.ndarray:
        """Return how long after the completion of its window each alert came, seconds."""
        wall, events = np.array(self.passed).T
        ends, came = np.array(seen).reshape(-1, 2).T
        at = np.searchsorted(events, ends + WindowSettings().allowed_lateness_s)
        kept = at < len(events)
        return np.asarray(came[kept] - wall[at[kept]])


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rate", type=float, default=2_000, help="events a second in all")
    parser.add_argument("--minutes", type=float, default=4, help="how long to play; at most 5")
    options = parser.parse_args()
    with ApacheKafka() as kafka, tempfile.TemporaryDirectory() as folder:
        topics = TopicSettings()
        settings = KafkaSettings(bootstrap_servers=kafka.bootstrap)
        keep_trying(settings, lambda admin: create(admin, topics))
        asyncio.run(_run(kafka.bootstrap, topics, options, Path(folder)))


async def _run(
    bootstrap: str,
    topics: TopicSettings,
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
        "WEBHOOK_DRILLS": "deliver",
        "WEBHOOK_MINIMUM_SEVERITY": "info",
        "CAMPAIGNS_SCORE_EVERY_S": "60",
        "INTAKE_SALT": _SALT,
    }
    with running(worker_environment(bootstrap, **more), folder / "worker.log") as worker:
        await asyncio.to_thread(worker.until_ready, 120)
        cpu_s, began = worker.cpu_s(), time.monotonic()
        tasks = [
            asyncio.create_task(_read(bootstrap, topics.alerts, watch)),
            asyncio.create_task(_look(worker, watch)),
        ]
        sent = await _play(bootstrap, topics.requests, options, watch)
        took, used = time.monotonic() - began, worker.cpu_s() - cpu_s
        await asyncio.sleep(_AFTER_S)
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
    """Return the end of the window that an alert is about, epoch seconds, and when it is here."""
    return datetime.fromisoformat(alert["updated_at"]).timestamp(), time.time()


async def _look(worker: Worker, watch: Watch) -> None:
    counted = -1.0
    while True:
        now = await asyncio.to_thread(worker.total, "distillwatch_events_total")
        if now > counted:
            counted = now
            watch.moved.append(time.monotonic())
        await asyncio.sleep(_LOOK_S)


async def _play(bootstrap: str, topic: str, options: argparse.Namespace, watch: Watch) -> int:
    """Send events of other accounts, and campaigns among them; return how many events."""
    campaigns: list[Campaign] = []
    began, sent, rounds = time.time(), 0, 0
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=5) as producer:
        while (now := time.time()) < began + 60 * options.minutes:
            if now > began + _DRILL_EVERY_S * len(campaigns):
                name = f"drill{len(campaigns)}"
                campaigns.append(
                    Campaign(name, _DRILL_ACCOUNTS, salt=_SALT.encode(), started_s=now)
                )
            if now > began + _ROUND_S * rounds:
                rounds += 1
                for campaign in campaigns:
                    for number, request in enumerate(campaign.round(now)):
                        await producer.send(
                            topic,
                            request.value,
                            partition=number % _PARTITIONS,
                            headers=request.headers,
                        )
            due = max(int((now - began) * options.rate) - sent, _PARTITIONS)
            for number in range(sent, sent + due):
                future = await producer.send(
                    topic, _other(number, now), partition=number % _PARTITIONS
                )
            sent += due
            await future
            watch.passed.append((time.time(), now))
            await asyncio.sleep(_TICK_S)
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
