"""How long a worker takes until it is ready again with the state of many accounts.

Starts Apache Kafka, lets a real worker count ``--accounts`` accounts (each once, ``--again`` of
them twice) and stop in order; then starts the next one and reports the seconds until /readyz says
200, its memory, and how long /readyz, /livez and /metrics took to answer meanwhile. Broker and
worker share the machine's cores.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import Final

import msgspec
from kafka import KafkaConsumer, TopicPartition

from stream.kafka.connection import keep_trying
from stream.kafka.topics import create, wanted
from stream.settings import Settings
from testlib.brokers.apache_kafka import ApacheKafka
from testlib.traffic.many_accounts import events, produce
from testlib.workers.command import worker_environment
from testlib.workers.page_watch import PageWatch
from testlib.workers.worker import Worker, running

_PARTITIONS: Final = 4


def main() -> None:
    """Fill, restart, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--again", type=float, default=0.5, help="share that is counted twice")
    parser.add_argument("--within", type=float, default=1200.0, help="give up after this, s")
    parser.add_argument("--log", type=Path, help="the workers' output")
    options = parser.parse_args()
    with ApacheKafka() as kafka, tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            kafka=msgspec.structs.replace(Settings().kafka, bootstrap_servers=kafka.bootstrap)
        )
        keep_trying(settings.kafka, lambda admin: create(admin, settings.topics))
        log = (options.log or Path(folder) / "worker.log").absolute()
        with running(worker_environment(kafka.bootstrap), log) as first:
            _fill(first, settings, options.accounts, options.again, options.within)
        print(f"state: {_records(settings)}")
        with running(worker_environment(kafka.bootstrap), log) as second:
            _recover(second, options.accounts, options.within)


def _fill(worker: Worker, settings: Settings, accounts: int, again: float, within_s: float) -> None:
    worker.until_ready()
    began = time.monotonic()
    watch = PageWatch(worker)
    lines = events(accounts, int(accounts * (1 + again)), _PARTITIONS)
    asyncio.run(
        produce(settings.kafka.bootstrap_servers, settings.topics.requests, _PARTITIONS, lines)
    )
    print(f"produced after {time.monotonic() - began:.1f} s", flush=True)
    worker.until(
        lambda: worker.tracked() >= accounts, within_s=within_s, what=f"{accounts} accounts"
    )
    took, cpu_s = time.monotonic() - began, worker.cpu_s()
    flushes = worker.total("distillwatch_state_flush_seconds_count")
    flushing = worker.total("distillwatch_state_flush_seconds_sum")
    stopping = time.monotonic()
    assert worker.stop(within_s) == 0, worker.log
    print(
        f"{accounts:,} accounts counted in {took:.1f} s ({cpu_s:.1f} s of processor), "
        f"{flushes:.0f} flushes of {flushing / max(flushes, 1):.2f} s, stopped in "
        f"{time.monotonic() - stopping:.1f} s; answers: {watch.end().summary()}",
        flush=True,
    )


def _records(settings: Settings) -> str:
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka.bootstrap_servers)
    found = []
    for topic in wanted(settings.topics):
        if topic.name.endswith("-state"):
            tps = [TopicPartition(topic.name, p) for p in range(topic.partitions)]
            records = sum(consumer.end_offsets(tps).values())
            records -= sum(consumer.beginning_offsets(tps).values())
            found.append(f"{topic.name} {records:,} records")
    consumer.close()
    return ", ".join(found)


def _recover(worker: Worker, accounts: int, within_s: float) -> None:
    watch = PageWatch(worker)
    worker.until_ready(within_s)
    ready_s, cpu_s = time.monotonic() - worker.started, worker.cpu_s()
    answers = watch.end()
    assert worker.tracked() == accounts
    print(
        f"ready after {ready_s:.1f} s ({cpu_s:.1f} s of processor), {worker.memory_mib('VmRSS')} "
        f"MiB, {worker.memory_mib('VmHWM')} MiB at its peak; answers: {answers.summary()}"
    )
    stopping = time.monotonic()
    assert worker.stop() == 0, worker.log
    print(f"stopped in {time.monotonic() - stopping:.1f} s")


if __name__ == "__main__":
    main()
