"""External authorization under load: ``python tests/bench/enforcer.py [--rate N] [--seconds S]``.

``--changes N``: people decide N times meanwhile, and the enforcer makes its table again.

A real enforcer with 50,000 decisions in force, read from a real broker. Requests of a keep-alive
connection each are sent at a steady rate, whatever the answers take, and timed from when they were
due (so a slow answer delays no other: no coordinated omission).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from stream.core.decisions import DecisionSubject
from stream.decisions.transitions import Stored, approve
from stream.kafka.decisions_topic import DecisionsTopic
from stream.settings import PREFIX, load
from stream.tools.embedded.broker import EmbeddedBroker
from testlib.decisions import ALICE, KEY, proposal, stored
from testlib.ports import free_port
from testlib.workers.command import run, settings
from testlib.workers.worker import Worker, worker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TOKEN = "t" * 16
DECISIONS = 50_000
CONNECTIONS = 16


def main() -> None:
    """Print percentiles, and the enforcer's processor time for a request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=2000, help="requests a second")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--changes", type=int, default=0, help="decisions written meanwhile")
    options = parser.parse_args()
    port = free_port()
    with EmbeddedBroker() as broker, TemporaryDirectory() as folder:
        environment = settings(
            broker.bootstrap,
            kafka_transactions=False,
            decisions_key=KEY,
            decisions_mode="propose",
            decisions_max_accounts_a_day=10 * DECISIONS,
            decisions_two_people_above=10 * DECISIONS,
            enforcer_port=port,
            enforcer_tokens=TOKEN,
        )
        run(environment, "topics", "create")
        decide(environment)
        with worker(environment, Path(folder), command="enforcer") as enforcer:
            enforcer.until(lambda: known(enforcer) == DECISIONS, within_s=120, what="decisions")
            before_s = enforcer.cpu_s()
            with changing(environment, options.changes, options.seconds):
                took_ms = asyncio.run(load_at(port, options.rate, options.seconds))
            each_us = (enforcer.cpu_s() - before_s) / len(took_ms) * 1e6
    p50, p99, most = np.percentile(took_ms, [50, 99, 100]).tolist()
    print(
        f"{len(took_ms):,} requests at {options.rate:,} a second, {DECISIONS:,} decisions, "
        f"{options.changes} changes, load {os.getloadavg()[0]:.1f}: p50 {p50:.2f} ms, "
        f"p99 {p99:.2f} ms, longest {most:.1f} ms, {each_us:.0f} us of processor"
    )


def known(enforcer: Worker) -> float:
    """Return the number of callers with a decision in force."""
    return enforcer.total("distillwatch_enforcer_decisions")


def decide(environment: dict[str, str], numbers: Iterable[int] = range(DECISIONS)) -> None:
    """Write a decision about an account for each number."""
    read = load(None, {name: value for name, value in environment.items() if PREFIX in name})
    now = time.time()
    approved = approve(stored(proposal(proposed_at=now, time=now, until=now + 60)), ALICE, now)
    states = (
        msgspec.structs.replace(
            approved.decision,
            decision_id=f"dec_{number:020d}",
            subject=DecisionSubject(kind="account", id=f"acc-{number}"),
        )
        for number in numbers
    )
    DecisionsTopic(read.kafka, read.topics, read.decisions).write(map(Stored.of, states))


@contextmanager
def changing(environment: dict[str, str], changes: int, seconds: int) -> Iterator[None]:
    """Write decisions in the background, evenly over the time."""
    stopping = threading.Event()

    def run_all() -> None:
        for number in range(changes):
            if stopping.wait(seconds / (changes + 1)):
                return
            decide(environment, [DECISIONS + number])

    thread = threading.Thread(target=run_all)
    thread.start()
    yield
    stopping.set()
    thread.join()


async def load_at(port: int, rate: int, seconds: int) -> np.ndarray:
    """Return how long each request took from when it was due, milliseconds."""
    took: list[float] = []
    due = time.perf_counter() + 0.5
    each = [
        connection(port, due + number / rate, CONNECTIONS / rate, rate * seconds // CONNECTIONS)
        for number in range(CONNECTIONS)
    ]
    for times in await asyncio.gather(*each):
        took += times
    return 1000 * np.array(took)


async def connection(port: int, due: float, every_s: float, count: int) -> list[float]:
    """Send requests one after another over one connection; every second one is refused."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took = []
    for number in range(count):
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        account = f"acc-{number * 7919 % (2 * DECISIONS)}"
        writer.write(
            f"GET /authorize/v1 HTTP/1.1\r\nHost: e\r\nx-api-key: {TOKEN}\r\n"
            f"x-account: {account}\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next((int(one[15:]) for one in lines if one.startswith(b"content-length:")), 0)
        await reader.readexactly(length)
        took.append(time.perf_counter() - due)
        due += every_s
    writer.close()
    return took


if __name__ == "__main__":
    main()
