"""``python -m quality``: make the traffic, play the scenarios, compare with what was recorded."""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from quality import held_out, record
from quality.content import separation
from quality.modes import MODES
from quality.page import page, terminal
from quality.plan import BENIGN, Plan, first, quick
from quality.revision import CHANGED, revision
from quality.run import Result, Run, known, result_path
from quality.store import Store
from quality.table import compared, content, ours, twins
from quality.tidy import tidy
from quality.together import TOGETHER
from stream.settings import load

if TYPE_CHECKING:
    from collections.abc import Sequence

_HERE: Final = Path(__file__).parent
_COMPOSITE: Final = (
    "A composite, not a field trial: benign behaviour fitted to real client traces and real "
    "people's prompts, with simulated papers, networks and twins; campaigns simulated from "
    "published shapes, asking the items of public data sets. 'Benign' is an assumption there."
)
_SIMULATED: Final = "Simulated traffic alone: ../shared/data was not there."


def main() -> int:
    """Run the benchmark; 1 when something has become worse than recorded."""
    options = _options()
    plan = _plan(options)
    if _records(plan, options) and options.hours < math.inf:
        sys.exit("--hours plays a part: no record")
    if _records(plan, options) and CHANGED in revision():
        sys.exit("the detector has changes that no commit holds: commit them before you record")
    data = options.data if options.data.is_dir() else None
    store = Store.open(options.cache, plan, data)
    print(f"{plan.name}: {_COMPOSITE if data else _SIMULATED}\ntraffic in {store.root}", flush=True)
    names = tuple(options.only or plan.ids)
    _make(store, names)
    results = _play(store, names, options)
    return _report(store, results, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-quality", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer days and accounts, own ids")
    parser.add_argument("--set", choices=("first", held_out.NAME), default="first", dest="set_")
    parser.add_argument("--only", nargs="+", metavar="ID", help="these scenarios")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once")
    parser.add_argument("--config", type=Path, default=_HERE / "quality.toml")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, default=_cache())
    parser.add_argument(
        "--alone",
        action="store_true",
        help="without the detectors that it is compared with: what they did before stays",
    )
    parser.add_argument(
        "--resume", action="store_true",
        help="play what this revision of the detector has no result of on this traffic",
    )  # fmt: skip
    parser.add_argument(
        "--hours", type=float, default=math.inf,
        help="play each campaign for so long only: quicker, and never recorded or compared",
    )  # fmt: skip
    parser.add_argument("--record", action="store_true", help="keep the results as the baseline")
    return parser.parse_args()


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "distillwatch" / "quality"


def _plan(options: argparse.Namespace) -> Plan:
    plan = quick() if options.quick else first()
    if options.set_ != held_out.NAME:
        return plan
    used = record.HERE / held_out.name(plan)
    if used.exists():
        sys.exit(f"{used} exists: the held-out set has been used, and is used once")
    if options.only:
        sys.exit("the held-out set is used once, so whole")
    return held_out.drawn(held_out.seed(options.cache), plan)


def _make(store: Store, names: Sequence[str]) -> None:
    """Make what traffic is missing, two files at a time."""
    tidy(store.root, store.plan.name)
    missing = [name for name in dict.fromkeys((BENIGN, *names)) if not store.has(name)]
    if TOGETHER in missing and BENIGN in missing:
        # It repeats prompts of the benign traffic.
        print(f"made   {BENIGN:14} {store.make(BENIGN).requests:>9,} events", flush=True)
        missing.remove(BENIGN)
    if not missing:
        return
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as workers:
        made = workers.map(store.make, missing)
        for name, truth in zip(missing, made, strict=True):
            print(f"made   {name:14} {truth.requests:>9,} events", flush=True)


def _play(store: Store, names: Sequence[str], options: argparse.Namespace) -> list[Result]:
    settings = load(options.config, {}).stages
    results = _results(store, options)
    results.mkdir(exist_ok=True)
    context = multiprocessing.get_context("fork")
    room = context.Semaphore(options.jobs)
    families, now = [], revision()
    for mode in options.modes:
        missing = [
            name
            for name in names
            if not (options.resume and known(results, mode, name, now, alone=options.alone))
        ]
        run = Run(store, mode, settings, results, now, room, _say, options.alone, options.hours)
        families.append(context.Process(target=run.play, args=(missing,)))
    for family in families:
        family.start()
    for family in families:
        family.join()
    if any(family.exitcode for family in families):
        sys.exit("a scenario failed")
    return [
        msgspec.json.decode(result_path(results, mode, name).read_bytes(), type=Result)
        for mode in options.modes
        for name in names
    ]


def _results(store: Store, options: argparse.Namespace) -> Path:
    part = "" if options.hours == math.inf else f"-{options.hours:g}h"
    return store.root / f"results{part}"


def _say(line: str) -> None:
    print(line, flush=True)


def _report(store: Store, results: list[Result], options: argparse.Namespace) -> int:
    plan = store.plan
    outcomes = [outcome for result in results for outcome in result.outcomes]
    truths = {result.scenario: store.truth(result.scenario) for result in results}
    kinds: dict[str, int] = {}
    for kind in store.truth(BENIGN).kinds.values():
        kinds[kind] = kinds.get(kind, 0) + 1
    tables = [
        *(ours(plan, outcomes, mode) for mode in options.modes),
        compared(plan, outcomes),
        twins(plan, outcomes, kinds),
        content(separation(results, truths, plan.start_s)),
    ]
    terminal(tables)
    notes = [
        _COMPOSITE if store.data else _SIMULATED,
        f"traffic {store.root.name}, {_revisions(results)}",
    ]
    shown = _results(store, options) / "report.html"
    shown.write_text(page(plan, results, tables, notes))
    print(f"report with plots: {shown}")
    return 0 if options.hours < math.inf else _compare(store, results, options)


def _records(plan: Plan, options: argparse.Namespace) -> bool:
    return options.record or plan.name.startswith(held_out.NAME)


def _compare(store: Store, results: list[Result], options: argparse.Namespace) -> int:
    """Keep the results, or compare each mode with what was recorded of it."""
    traffic = f"{'fitted' if store.data else 'simulated'}, {store.root.name}"
    now = [record.of(store.plan, mode, traffic, results) for mode in options.modes]
    if _records(store.plan, options):
        for one in now:
            print(f"recorded in {record.write(one)}; python -m quality.readme --write shows it")
        return 0
    return max([_compared(one) for one in now])


def _compared(now: record.Record) -> int:
    known = record.read(now.plan, now.mode)
    where = record.path(now.plan, now.mode)
    if known is None:
        print(f"nothing recorded in {where}: --record keeps these results")
        return 0
    if known.traffic != now.traffic:
        print(f"{where} is of other traffic ({known.traffic}): not compared")
        return 0
    lines = record.worse(known, now.outcomes)
    print("\n".join(lines) or f"{now.mode}: nothing worse than recorded at {known.revision}")
    return 1 if lines else 0


def _revisions(results: list[Result]) -> str:
    return ", ".join(sorted({result.revision for result in results}))


if __name__ == "__main__":
    sys.exit(main())
