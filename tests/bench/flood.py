"""Floods the stages behind intake: fresh account ids, or prompts that nobody has said before.

``python tests/bench/flood.py ids --count 10000000`` and ``prompts --count 1000000 --accounts 1``:
prints memory and pace as it goes, and how many of the accounts that were there before are left.
The columns are made here, so it measures the stages and not the decoding.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from stream.settings import Settings
from testlib.traffic.floods import (
    DAY_S,
    START,
    Stages,
    fresh_ids,
    fresh_prompts,
    resident_mib,
    residents,
)


def main() -> None:
    """Run one flood and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("what", choices=["ids", "prompts"])
    parser.add_argument("--count", type=int, default=1_000_000, help="requests of the flood")
    parser.add_argument("--per-minute", type=int, default=10_000)
    parser.add_argument("--accounts", type=int, default=1, help="that the prompts come from")
    parser.add_argument("--residents", type=int, default=20_000, help="accounts before it")
    parser.add_argument("--days", type=float, default=2.0, help="that these have lived")
    parser.add_argument("--flush", action="store_true", help="take the changes, as a worker does")
    options = parser.parse_args()
    rng = np.random.default_rng(1)
    stages = Stages(Settings().stages)
    names = [f"resident-{i:06}" for i in range(options.residents)]
    for rows in residents(names, options.days, rng):
        stages.feed(rows)
    start = START + options.days * DAY_S
    count, per_step = options.count, options.per_minute
    if options.what == "ids":
        steps = fresh_ids(count, per_step=per_step, start=start)
    else:
        steps = fresh_prompts(
            count, per_step=per_step, accounts=options.accounts, start=start, rng=rng
        )
    print(f"{len(stages.known(names))} residents, {resident_mib():.0f} MiB", flush=True)
    done, reported, slowest = 0, 0, 0.0
    began = last = time.perf_counter()
    for rows in steps:
        before = time.perf_counter()
        stages.feed(rows)
        if options.flush:
            for task in stages.tasks.values():
                task.take_changes()
        done += len(rows)
        now = time.perf_counter()
        slowest = max(slowest, now - before)
        if done - reported >= count // 10:
            print(
                f"{done:>10} requests {(done - reported) / (now - last):>7.0f}/s, slowest step "
                f"{slowest:5.2f} s, {resident_mib():>5.0f} MiB, "
                f"{stages.total('accounts_tracked'):.0f} accounts, "
                f"{stages.total('indicators_tracked'):.0f} linking values, "
                f"{len(stages.known(names))} residents",
                flush=True,
            )
            reported, last, slowest = done, now, 0.0
    print(f"{done / (time.perf_counter() - began):.0f} requests/s, {len(stages.alerts)} alerts")


if __name__ == "__main__":
    main()
