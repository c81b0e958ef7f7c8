"""What an event costs while campaigns are open, relative to the same day without any.

``python tests/bench/open_campaigns.py [--scenario all-at-once]``: plays the benign days of the
quality benchmark's quick set before the first campaign begins (mode gateway), then the others from
that very state in forked processes, with the campaigns and without. The last day counts, when all
are open; processor time. Makes the traffic if it is not there (tests/bench/quality).
"""

from __future__ import annotations

import argparse
import os
import time
from itertools import islice
from pathlib import Path

from quality.modes import HEADLINE, MODES
from quality.plan import BENIGN, DAY_S, quick
from quality.store import Store
from quality.subject import Product
from quality.together import TOGETHER

from stream.settings import load

_LINES = 8192
_CONFIG = Path(__file__).parent / "quality" / "quality.toml"


def main() -> None:
    """Play and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--scenario", default=TOGETHER)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, default=_cache())
    parser.add_argument("--rounds", type=int, default=3, help="with and without, in turn")
    options = parser.parse_args()
    store = Store.open(options.cache, quick(), options.data if options.data.exists() else None)
    for name in (BENIGN, options.scenario):
        if not store.has(name):
            store.make(name)
    first = int((store.truth(options.scenario).from_s - store.plan.start_s) // DAY_S)
    product = Product(load(_CONFIG, {}).stages, lambda _: None)
    for day in range(first):
        _play(product, store, BENIGN, day)
    costs: dict[str, list[float]] = {BENIGN: [], options.scenario: []}
    for _ in range(options.rounds):
        for name, found in costs.items():
            us, events = _in_a_child(product, store, name, first)
            found.append(us)
            print(f"{name:12} {events:,} events, {us:.0f} us each", flush=True)
    without, among = (sorted(found)[len(found) // 2] for found in costs.values())
    print(f"medians: {among:.0f} us with {options.scenario}, {without:.0f} without: "
          f"{among / without:.2f} times")  # fmt: skip


def _play(product: Product, store: Store, name: str, day: int) -> int:
    lines, events = MODES[HEADLINE].lines(store.lines(name, day)), 0
    now_s = store.plan.start_s + (day + 1) * DAY_S
    while taken := list(islice(lines, _LINES)):
        product.feed(taken, now_s)
        events += len(taken)
    return events


def _in_a_child(product: Product, store: Store, name: str, first: int) -> tuple[float, int]:
    """Play from the day ``first``; return the us of an event of the last, and how many it had."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        for day in range(first, store.plan.days - 1):
            _play(product, store, name, day)
        started = time.process_time()
        events = _play(product, store, name, store.plan.days - 1)
        spent = time.process_time() - started
        os.write(write, f"{spent} {events}".encode())
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError(f"{name} failed")
    seconds, count = os.read(read, 100).split()
    return float(seconds) / int(count) * 1e6, int(count)


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "distillwatch" / "quality"


if __name__ == "__main__":
    main()
