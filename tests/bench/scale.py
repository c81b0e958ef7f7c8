"""What more accounts, workers and partitions cost: ``python tests/bench/scale.py accounts`` etc.

``accounts`` fills the stages behind intake, in a process of its own for each size, and prints state
and memory for each account and the processor time of an event of the same dense traffic then.
``workers`` and ``partitions`` let workers read the topic of the side-by-side comparison on Apache
Kafka.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

import numpy as np
from side_by_side import contest
from side_by_side.topic import fill
from side_by_side.traffic import KINDS, PARTITIONS

from stream.settings import Settings
from testlib.brokers.apache_kafka import ApacheKafka
from testlib.traffic.floods import HOUR_S, START, WINDOW_S, Stages, batch, resident_mib

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.events import EventBatch

_SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)
_AT_ONCE: Final = 50_000
#: The dense traffic that is timed: steps of so many events.
_STEPS: Final = 6
_EVENTS: Final = 100_000
#: Two odd numbers that spread small ones over 64 bits: fingerprints are spread over the partitions.
_SPREAD: Final = np.array([0x9E3779B97F4A7C15, 0xC4CEB9FE1A85EC53], np.uint64)


def main() -> None:
    """Run one measurement and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    commands = parser.add_subparsers(dest="what", required=True)
    accounts = commands.add_parser("accounts", help="memory and cost of an event")
    accounts.add_argument("sizes", type=int, nargs="*", default=_SIZES)
    one = commands.add_parser("one", help="one size, in this process")
    one.add_argument("size", type=int)
    for name, most in (("workers", "1, 2 and 4 workers"), ("partitions", "4 and 64 partitions")):
        command = commands.add_parser(name, help=most)
        command.add_argument("--events", type=int, default=500_000)
    options = parser.parse_args()
    if options.what == "one":
        print(json.dumps(_one(options.size)))
    elif options.what == "accounts":
        _accounts(options.sizes)
    elif options.what == "workers":
        _read(options.events, [(1, 4), (2, 4), (4, 4)])
    else:
        _read(options.events, [(1, 4), (1, 64)])


def _accounts(sizes: Sequence[int]) -> None:
    least = None
    for size in sizes:
        done = subprocess.run(
            [sys.executable, __file__, "one", str(size)], check=True, capture_output=True, text=True
        )
        found = json.loads(done.stdout)
        least = least or found["us_an_event"]
        print(
            f"{size:>9,} accounts: {found['state_bytes']:,.0f} B of windows an account, "
            f"{found['resident_bytes']:,.0f} B resident, {found['mib']:,.0f} MiB in all; "
            f"{found['us_an_event']:.2f} us an event ({found['us_an_event'] / least:.2f} of the "
            f"first), {found['active']:,} accounts a step",
            flush=True,
        )


def _one(size: int) -> dict[str, float]:
    rng = np.random.default_rng(1)
    stages = Stages(Settings().stages)
    before = resident_mib()
    for number, first in enumerate(range(0, size, _AT_ONCE)):
        stages.feed(_events(np.arange(first, min(first + _AT_ONCE, size)), number, rng))
    # A step is closed by what comes after it.
    start = -(-size // _AT_ONCE) + HOUR_S / WINDOW_S
    stages.feed(_events(np.zeros(1, np.int64), start, rng))
    after = resident_mib()
    steps = [
        _events(np.sort(rng.integers(0, size, _EVENTS)), start + 1 + i, rng) for i in range(_STEPS)
    ]
    began = time.process_time()
    for step in steps:
        stages.feed(step)
    spent = time.process_time() - began
    return {
        "state_bytes": stages.total("state_bytes") / size,
        "resident_bytes": (after - before) * 2**20 / size,
        "mib": after,
        "us_an_event": spent / (_STEPS - 1) / _EVENTS * 1e6,  # the last step stays open
        "active": len(steps[0].accounts),
    }


def _events(who: np.ndarray, step: float, rng: np.random.Generator) -> EventBatch:
    """Return an event of each account within a step, with linking values of its own."""
    return batch(
        [f"acct_{i * 0x9E3779B97F4A7 % (1 << 56):014x}" for i in who.tolist()],
        START + step * WINDOW_S + np.linspace(0, WINDOW_S - 1, len(who)),
        input_tokens=rng.integers(10, 2000, len(who)),
        output_tokens=rng.integers(10, 2000, len(who)),
        payment=(who + 1).astype(np.uint64) * _SPREAD[0],
        address=(who + 1).astype(np.uint64) * _SPREAD[1],
        status=200,
    )


def _read(events: int, plans: Sequence[tuple[int, int]]) -> None:
    kind = KINDS[0]
    with ApacheKafka() as kafka:
        expected = fill(kafka.bootstrap, kind, events, lambda _: None)
        first = None
        for workers, partitions in plans:
            found = contest.ours(
                kafka.bootstrap,
                kind.name,
                expected,
                PARTITIONS,
                workers=workers,
                partitions=partitions,
            )
            first = first or found
            print(
                f"{workers} workers, {partitions} partitions: {found.events / found.wall_s:,.0f} "
                f"events/s "
                f"({first.wall_s / found.wall_s:.2f} of the first), "
                f"{found.events / found.cpu_s:,.0f} per second of processor time "
                f"({found.cpu_s / first.cpu_s:.2f} of the first's for an event), "
                f"{found.peak_mib:,} MiB at most {found.wrong}",
                flush=True,
            )


if __name__ == "__main__":
    main()
