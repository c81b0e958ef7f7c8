"""``python -m side_by_side``: fill the topics, let everybody read them, print the table."""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from side_by_side import contest, machine
from side_by_side.entries import ENTRIES
from side_by_side.figures import Figures, Line, medians
from side_by_side.table import tables
from side_by_side.topic import fill
from side_by_side.traffic import KINDS, PARTITIONS
from testlib.brokers.apache_kafka import ApacheKafka

if TYPE_CHECKING:
    from collections.abc import Callable

    from side_by_side.traffic import Expected

_RECORD: Final = Path(__file__).with_name("recorded.json")


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept."""

    machine: dict[str, str]
    medians: list[Line]
    runs: list[Figures]


def main() -> int:
    """Run the comparison; 1 when somebody did not count everything."""
    options = _options()
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    described = machine.describe()
    progress = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True))
    with ApacheKafka() as kafka, progress as bar:
        runs = _rounds(kafka.bootstrap, options, bar)
    result = Result(machine=described, medians=medians(runs), runs=runs)
    for table in tables(result.medians):
        console.print(table)
    console.print("  ".join(f"{name}: {value}" for name, value in described.items()))
    if options.out:
        options.out.write_bytes(msgspec.json.format(msgspec.json.encode(result)))
    return int(any(run.wrong for run in runs))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few events, one round: minutes")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--share", type=float, default=1.0, help="of each topic's events")
    parser.add_argument("--kinds", nargs="+", choices=[kind.name for kind in KINDS])
    parser.add_argument("--only", nargs="+", choices=[entry.name for entry in ENTRIES])
    parser.add_argument("--out", type=Path, help="keep the figures here, as JSON")
    parser.add_argument(
        "--record", action="store_const", const=_RECORD, dest="out", help="keep them in the tree"
    )
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 3)
    return options


def _rounds(bootstrap: str, options: argparse.Namespace, bar: Progress) -> list[Figures]:
    kinds = [kind for kind in KINDS if not options.kinds or kind.name in options.kinds]
    entries = [entry for entry in ENTRIES if not options.only or entry.name in options.only]
    given = {}
    for kind in kinds:
        events = kind.quick if options.quick else int(kind.events * options.share)
        filled: dict[int, Expected] = {}
        for entry in entries:
            count = min(events, entry.most or events)
            if count not in filled:
                told = _progress(bar, f"write {kind.name}", count)
                filled[count] = fill(bootstrap, kind, count, told)
            given[kind, entry] = filled[count]
    runs = []
    for number in range(options.rounds):
        turns = [(kind, entry) for kind in kinds for entry in entries]
        random.shuffle(turns)
        for kind, entry in turns:
            expected = given[kind, entry]
            told = _progress(bar, f"round {number + 1} {kind.name} {entry.name}", expected.events)
            runs.append(contest.run(entry, bootstrap, kind.name, expected, PARTITIONS, told))
            bar.console.print(_said(runs[-1]), highlight=False)
    return runs


def _progress(bar: Progress, what: str, total: int) -> Callable[[int], None]:
    for task in bar.task_ids:
        bar.remove_task(task)
    task = bar.add_task(what, total=total)
    return lambda done: bar.update(task, completed=done)


def _said(run: Figures) -> str:
    wall, cpu = run.events / max(run.wall_s, 1e-9), run.events / max(run.cpu_s, 1e-9)
    return (
        f"{run.kind:10} {run.entry:14} {run.events:>9,} events {wall:>9,.0f}/s "
        f"{cpu:>9,.0f} per CPU s {run.peak_mib:>5,} MiB {run.alerts} alerts {run.wrong}"
    )


if __name__ == "__main__":
    sys.exit(main())
