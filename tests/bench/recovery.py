"""How long a worker takes until it is ready again with the state of many accounts.

Starts Apache Kafka, lets a real worker count ``--accounts`` accounts (each once, ``--again`` of
them twice) and stop in order; then starts the next one and reports the seconds until /readyz says
200, its memory, and how long /readyz, /livez and /metrics took to answer meanwhile. Broker and
worker share the machine's cores.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from stream.kafka.connection import keep_trying
from stream.kafka.topics import create, wanted
from stream.settings import Settings

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))
from apache_kafka import ApacheKafka  # the folder is no package
from real_worker import RealWorker

if TYPE_CHECKING:
    from collections.abc import Iterator

_PARTITIONS: Final = 4
_SPAN_S: Final = 1800.0
_PAGES: Final = ("readyz", "livez", "metrics")


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
        with RealWorker(kafka.bootstrap, log) as first:
            _fill(first, settings, options.accounts, options.again, options.within)
        print(f"state: {_records(settings)}")
        with RealWorker(kafka.bootstrap, log) as second:
            _recover(second, options.accounts, options.within)


def _fill(
    worker: RealWorker, settings: Settings, accounts: int, again: float, within_s: float
) -> None:
    worker.wait(worker.ready, 60, "ready worker")
    began = time.monotonic()
    watch = _Watch(worker)
    producer = KafkaProducer(
        bootstrap_servers=worker.bootstrap, linger_ms=20, batch_size=131_072, acks="all"
    )
    for number, event in enumerate(_events(accounts, int(accounts * (1 + again)))):
        producer.send(settings.topics.requests, event, partition=number % _PARTITIONS)
    producer.flush()
    producer.close()
    print(f"produced after {time.monotonic() - began:.1f} s", flush=True)
    tracked = "distillwatch_accounts_tracked"
    worker.wait(lambda: worker.total(tracked) >= accounts, within_s, f"{accounts} accounts")
    took, cpu_s = time.monotonic() - began, worker.cpu_s()
    flushes = worker.total("distillwatch_state_flush_seconds_count")
    flushing = worker.total("distillwatch_state_flush_seconds_sum")
    stopping = time.monotonic()
    assert worker.stop(within_s) == 0, worker.log
    print(
        f"{accounts:,} accounts counted in {took:.1f} s ({cpu_s:.1f} s of processor), "
        f"{flushes:.0f} flushes of {flushing / flushes:.2f} s, stopped in "
        f"{time.monotonic() - stopping:.1f} s; answers: {watch.end()}",
        flush=True,
    )


def _events(accounts: int, events: int) -> Iterator[bytes]:
    """Yield events in time order; the accounts come in turn."""
    began = time.time() - _SPAN_S
    for number in range(events + _PARTITIONS):
        account = number % accounts
        # The last ones, an hour later, close the steps of the others.
        at = began + _SPAN_S * number / events + (3600 if number >= events else 0)
        yield (
            b'{"timestamp":%.3f,"account_id":"acct_%014x","model":"m","status":200,'
            b'"payment_id":"card-%d","client_ip":"10.%d.%d.%d","user_agent":"agent/%d",'
            b'"tls_fingerprint":"t%d","account_created_at":%.0f,"input_tokens":%d,'
            b'"output_tokens":%d,"system_prompt":"Assistant %d",'
            b'"prompt":"Question %d about the matter at hand"}'
        ) % (
            at,
            account * 0x9E3779B97F4A7 % (1 << 56),
            # Every tenth account shares its payment, and another its address, with two others.
            account // 3 if account % 30 < 3 else 10_000_000 + account,
            *(account // 3 if account % 30 > 26 else account).to_bytes(3, "big"),
            account % 997,
            account % 997,
            began - 86400 * (account % 700) - 1,
            100 + account % 900,
            10 + number % 500,
            account % 2000,
            number,
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


def _recover(worker: RealWorker, accounts: int, within_s: float) -> None:
    watch = _Watch(worker)
    worker.wait(worker.ready, within_s, "ready worker")
    ready_s, cpu_s = time.monotonic() - worker.started, worker.cpu_s()
    answers = watch.end()
    tracked = worker.total("distillwatch_accounts_tracked")
    assert tracked == accounts, f"{tracked} accounts instead of {accounts}"
    print(
        f"ready after {ready_s:.1f} s ({cpu_s:.1f} s of processor), {worker.memory_mib('VmRSS')} "
        f"MiB, {worker.memory_mib('VmHWM')} MiB at its peak; answers: {answers}"
    )
    stopping = time.monotonic()
    assert worker.stop() == 0, worker.log
    print(f"stopped in {time.monotonic() - stopping:.1f} s")


class _Watch:
    """Asks for the pages all the time; remembers what they said and the longest wait."""

    def __init__(self, worker: RealWorker) -> None:
        self._worker = worker
        self._said: dict[str, dict[int, list[float]]] = {page: defaultdict(list) for page in _PAGES}
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(page,)) for page in _PAGES]
        for thread in self._threads:
            thread.start()

    def _ask(self, page: str) -> None:
        while not self._over.wait(0.1):
            asked = time.monotonic()
            status, _ = self._worker.get(page, within_s=60)
            self._said[page][status].append(time.monotonic() - asked)

    def end(self) -> str:
        """Return each page's answers by status, with the longest time that one took."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        return "; ".join(
            f"/{page} "
            + ", ".join(
                f"{len(took)} x {status} (longest {max(took):.2f} s)"
                for status, took in sorted(said.items())
                if status
            )
            for page, said in self._said.items()
        )


if __name__ == "__main__":
    main()
