"""How fast one worker takes events off a broker: wall time from first produced to all counted.

Starts the embedded broker (no replication, no transactions) and a worker as a process of its
own, produces the first ``--events`` lines of a file of canonical events as fast as it goes (times
are moved so that the last one is now), and reads the worker's own ``events_total``. Producer,
broker and worker share the machine's cores, so the figure is a floor for that machine.
"""

from __future__ import annotations

import argparse
import itertools
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from kafka import KafkaProducer
from prometheus_client.parser import text_string_to_metric_families

from stream.kafka.connection import keep_trying
from stream.kafka.topics import create
from stream.settings import Settings
from stream.tools.embedded.broker import EmbeddedBroker

if TYPE_CHECKING:
    from collections.abc import Callable

_POLL_S: Final = 0.5


def main() -> None:
    """Measure once and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("file", type=Path)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--within", type=float, default=300.0, help="give up after this, s")
    parser.add_argument("--log", type=Path, default=Path(os.devnull), help="the worker's output")
    options = parser.parse_args()
    events = _shifted(options.file, options.events)
    with (
        EmbeddedBroker() as broker,
        tempfile.TemporaryDirectory() as folder,
        options.log.open("wb") as log,
    ):
        settings = Settings(
            kafka=msgspec.structs.replace(Settings().kafka, bootstrap_servers=broker.bootstrap)
        )
        keep_trying(settings.kafka, lambda admin: create(admin, settings.topics))
        port = _free_port()
        worker = subprocess.Popen(
            [sys.executable, "-m", "stream.cli.main", "worker"],
            env=_environment(broker.bootstrap, port),
            stdout=log,
            stderr=log,
            cwd=folder,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(worker, 60, lambda: _answers(f"{address}/readyz"))
            before = _memory(worker.pid, "VmRSS")
            spent = _cpu_s(worker.pid)
            began = time.monotonic()
            _produce(broker.bootstrap, settings.topics.requests, events)
            produced = time.monotonic() - began
            _wait(worker, options.within, lambda: sum(_counted(address).values()) >= len(events))
            took = time.monotonic() - began
            a_cpu_s = len(events) / (_cpu_s(worker.pid) - spent)
            print(
                f"{len(events):,} events: produced in {produced:.1f} s, counted in {took:.1f} s, "
                f"{len(events) / took:,.0f} events/s ({a_cpu_s:,.0f} "
                f"per second of the worker's processor time); results {_counted(address)}; worker "
                f"{before} MiB when ready, {_memory(worker.pid, 'VmHWM')} MiB at its peak"
            )
        finally:
            worker.terminate()
            worker.wait(30)


def _shifted(path: Path, count: int) -> list[bytes]:
    with path.open("rb") as file:
        rows = [msgspec.json.decode(line) for line in itertools.islice(file, count)]
    by = time.time() - rows[-1]["timestamp"]
    for row in rows:
        row["timestamp"] += by
        row["account_created_at"] += by
    return [msgspec.json.encode(row) for row in rows]


def _produce(bootstrap: str, topic: str, events: list[bytes]) -> None:
    producer = KafkaProducer(
        bootstrap_servers=bootstrap, linger_ms=20, batch_size=131_072, acks="all"
    )
    for event in events:
        producer.send(topic, event)
    producer.flush()
    producer.close()


def _environment(bootstrap: str, port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if "DISTILLWATCH_" not in name}
    return kept | {
        "DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "DISTILLWATCH_KAFKA_TRANSACTIONS": "false",
        "DISTILLWATCH_KAFKA_COMMIT_INTERVAL_S": "2",
        "DISTILLWATCH_HTTP_HOST": "127.0.0.1",
        "DISTILLWATCH_HTTP_PORT": str(port),
    }


def _wait(worker: subprocess.Popen[bytes], within_s: float, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + within_s
    while not done():
        if worker.poll() is not None:
            raise SystemExit("the worker ended early; --log says why")
        if time.monotonic() > deadline:
            raise SystemExit(f"not done within {within_s:g} s")
        time.sleep(_POLL_S)


def _answers(url: str) -> bool:
    try:
        _get(url)
    except OSError:
        return False
    return True


def _counted(address: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for family in text_string_to_metric_families(_get(f"{address}/metrics")):
        for sample in family.samples:
            if sample.name == "distillwatch_events_total":
                result = sample.labels["result"]
                counts[result] = counts.get(result, 0) + int(sample.value)
    return counts


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - our own worker
        return str(answer.read().decode())


def _memory(pid: int, what: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) // 1024


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
