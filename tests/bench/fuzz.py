"""Decodes and fingerprints a million hostile records of a seed; prints pace, memory and results.

``make fuzz``. What it holds the product to is in ``testlib/traffic/fuzzing.py``: the first record
that breaks it ends the run with its number, which together with the seed gives the record again.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from itertools import islice
from typing import get_args

from stream.intake.codec.settings import Format
from testlib.traffic.floods import resident_mib
from testlib.traffic.fuzzing import Fuzzer, Trial

_TOGETHER = 50
#: After the first tenth, when everything that is remembered is full.
_MOST_GROWN_MIB = 64


def main() -> None:
    """Run one campaign and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**9)
    parser.add_argument("--format", choices=get_args(Format), default="auto")
    options = parser.parse_args()
    trial = Trial(options.format)
    favoured = () if options.format == "auto" else trial.good
    records = Fuzzer(options.seed, favoured).records(options.count)
    done, size, began = 0, 0, time.perf_counter()
    warm_mib = 0.0
    print(f"seed {options.seed}, format {options.format}, {resident_mib():.0f} MiB", flush=True)
    while values := list(islice(records, _TOGETHER)):
        try:
            trial.put(values)
        except BaseException:
            print(f"one of the records {done} to {done + len(values)} of seed {options.seed}")
            raise
        done += len(values)
        size += sum(map(len, values))
        if done % (options.count // 10) < _TOGETHER:
            gc.collect()
            warm_mib = warm_mib or resident_mib()
            pace = done / (time.perf_counter() - began)
            print(
                f"{done:>9} records {size / 1e9:6.2f} GB {pace:6.0f}/s {resident_mib():5.0f} MiB",
                flush=True,
            )
    print(", ".join(f"{name} {count}" for name, count in trial.results.most_common()))
    for value in trial.slow:
        print(f"slow: {len(value)} bytes, {value[:120]!r}")
    grown_mib = resident_mib() - warm_mib
    if grown_mib > _MOST_GROWN_MIB:
        print(f"memory grew by {grown_mib:.0f} MiB")
    sys.exit(bool(trial.slow) or grown_mib > _MOST_GROWN_MIB)


if __name__ == "__main__":
    main()
