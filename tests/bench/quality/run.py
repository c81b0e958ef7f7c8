"""Plays scenarios: every campaign alone on the same benign traffic, whose first days run once.

One process plays the benign days. At the end of the last day before a campaign begins it forks:
the child goes on with that campaign merged in, from the very state that the benign days have led
to, and the parent goes on without. So campaigns cannot hide one another, and no day is played
more often than it has to be. Each mode is such a family; of all their processes as many play at
once as there is room for.
"""

from __future__ import annotations

import math
import os
import sys
import time
import traceback
from dataclasses import dataclass
from functools import partial
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Final

import msgspec

from quality.alarms import Curves
from quality.directory import load
from quality.discrepancy import Discrepancy, Window
from quality.half_space import HalfSpaceTrees
from quality.measure import Outcome, measure
from quality.modes import COMPARED, MODES
from quality.plan import BENIGN, DAY_S, HOUR_S
from quality.rate_limit import RateLimit
from quality.shared_prompt import SharedPrompt
from quality.store import time_of
from quality.subject import Product
from stream.pipeline.build import account_directory
from stream.tools.report.campaign_traffic import leak_curve
from stream.tools.report.labels import Labels
from stream.tools.report.scores import ScoreLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.synchronize import Semaphore
    from pathlib import Path

    from quality.alarms import Baseline
    from quality.plan import Plan
    from quality.store import Store, Truth
    from stream.intake.codec.event import RequestEvent
    from stream.pipeline.settings import StageSettings

_LINES: Final = 8192


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All of one scenario and mode."""

    scenario: str
    mode: str
    revision: str  # of the detector
    seconds: float  # of this process; the shared days are those of the benign scenario
    events: int  # that it played
    outcomes: list[Outcome]
    curves: Curves
    threshold: float | None = None  # of the batch MMD
    windows: list[Window] = []  # of 100 prompts, by the batch MMD


@dataclass
class Run:
    """A family of scenarios in one mode; all its state is forked with the process."""

    store: Store
    mode: str
    settings: StageSettings
    results: Path
    revision: str
    room: Semaphore
    say: Callable[[str], None]
    alone: bool = False
    hours: float = math.inf  # that each campaign is played; results of less are no record

    def play(self, scenarios: Sequence[str]) -> None:
        """Play the scenarios; raises RuntimeError when a child fails."""
        plan = self.store.plan
        self._baselines = self._compared()
        self._benign = self.store.truth(BENIGN)
        self._directory = account_directory(self.settings)
        self._fill_directory(self._benign)
        self._product = Product(self.settings, self._observe, self._directory)
        self._started, self._events = time.process_time(), 0
        self._children: list[int] = []
        forks = {
            name: _fork_day(self.store.truth(name), plan) for name in scenarios if name != BENIGN
        }
        last = plan.days if BENIGN in scenarios else max(forks.values(), default=0) + 1
        for day in range(last):
            for name in [name for name, at in forks.items() if at == day]:
                self._in_a_child(partial(self._campaign, name, day))
            if day < max(forks.values(), default=0) or BENIGN in scenarios:
                with self.room:
                    self._play_day(BENIGN, day)
        if BENIGN in scenarios:
            self._finish(BENIGN, None, ScoreLog(Labels({}, 0)))
        self._wait()

    def _compared(self) -> list[Baseline]:
        if self.alone or self.mode != COMPARED:
            return []
        start_s = self.store.plan.start_s
        return [RateLimit(), SharedPrompt(), HalfSpaceTrees(), Discrepancy(start_s)]

    def _observe(self, events: Sequence[RequestEvent]) -> None:
        for baseline in self._baselines:
            baseline.observe(events)

    def _campaign(self, name: str, day: int) -> None:
        self._started, self._events = time.process_time(), 0
        truth = self.store.truth(name)
        self._fill_directory(truth)
        log = ScoreLog(Labels({name: frozenset(truth.attackers)}, len(self._benign.kinds)))
        self._product.watch_scores = log.observe
        until_s = truth.begins_s + self.hours * HOUR_S
        for later in range(day, self.store.plan.days):
            self._play_day(name, later, until_s)
        self._finish(name, truth, log)

    def _fill_directory(self, truth: Truth) -> None:
        """Load the entries of all accounts of a scenario, in a mode with a directory."""
        if MODES[self.mode].directory:
            plan = self.store.plan
            load(self._directory, truth.directory, latest=plan.start_s + plan.days * DAY_S)

    def _play_day(self, name: str, day: int, until_s: float = math.inf) -> None:
        lines = MODES[self.mode].lines(self.store.lines(name, day))
        now_s = self.store.plan.start_s + (day + 1) * DAY_S
        for taken in _batches(takewhile(lambda line: time_of(line) < until_s, lines)):
            self._product.feed(taken, now_s)
            self._events += len(taken)

    def _finish(self, name: str, truth: Truth | None, log: ScoreLog) -> None:
        self._product.finish()
        detectors: list[Product | Baseline] = [self._product, *self._baselines]
        outcomes = [
            measure(
                detector.alarms(),
                self._benign,
                truth,
                scenario=name,
                detector=detector.name,
                mode=self.mode,
                days=float(self.store.plan.days),
            )
            for detector in detectors
        ]
        mmd = [b for b in self._baselines if isinstance(b, Discrepancy)]
        result = Result(
            scenario=name,
            mode=self.mode,
            revision=self.revision,
            seconds=time.process_time() - self._started,
            events=self._events,
            outcomes=outcomes,
            curves=self._curves(truth, log),
            threshold=mmd[0].threshold if mmd else None,
            windows=mmd[0].windows if mmd else [],
        )
        path = result_path(self.results, self.mode, name)
        if self.alone and path.exists():
            result = _beside(result, msgspec.json.decode(path.read_bytes(), type=Result))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(msgspec.json.encode(result))
        self.say(
            f"{self.mode:17} {name:14} {self._events:>9,} events {result.seconds:6.0f} s  "
            f"{_told(outcomes[0])}"
        )

    def _curves(self, truth: Truth | None, log: ScoreLog) -> Curves:
        if truth is None:
            return Curves()
        times, tokens, _ = truth.taken()
        start_h = self.store.plan.start_s / 3600
        return Curves(
            scores={
                name: [(int(hour - start_h), score) for hour, score in sorted(hourly.items())]
                for name, hourly in log.hourly.items()
            },
            precision_recall=log.precision_recall(),
            leaked=leak_curve(times, tokens),
        )

    def _in_a_child(self, work: Callable[[], None]) -> None:
        sys.stdout.flush()
        child = os.fork()
        if child:
            self._children.append(child)
            return
        try:
            with self.room:
                work()
        except BaseException:  # noqa: BLE001 - the child ends here whatever happened
            traceback.print_exc()
            os._exit(1)
        os._exit(0)

    def _wait(self) -> None:
        failed = [child for child in self._children if os.waitpid(child, 0)[1]]
        if failed:
            raise RuntimeError(f"{len(failed)} scenarios failed")


def result_path(results: Path, mode: str, name: str) -> Path:
    """Return where the result of a scenario is."""
    return results / mode / f"{name}.json"


def known(results: Path, mode: str, name: str, revision: str, *, alone: bool) -> bool:
    """Say whether a scenario's result is there, of this revision and with the other detectors."""
    path = result_path(results, mode, name)
    if not path.exists():
        return False
    result = msgspec.json.decode(path.read_bytes(), type=Result)
    complete = alone or mode != COMPARED or len(result.outcomes) > 1
    return result.revision == revision and complete


def _beside(ours: Result, before: Result) -> Result:
    """Return our new result with what the other detectors did on the same traffic before."""
    return msgspec.structs.replace(
        ours,
        outcomes=[*ours.outcomes, *before.outcomes[1:]],
        threshold=before.threshold,
        windows=before.windows,
    )


def _fork_day(truth: Truth, plan: Plan) -> int:
    return int((truth.from_s - plan.start_s) // DAY_S)


def _batches(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    while taken := list(islice(lines, _LINES)):
        yield taken


def _told(outcome: Outcome) -> str:
    found = outcome.campaign
    if found is None:
        return f"{outcome.false_incidents} false incidents"
    told = "found" if found.found else "not found"
    return f"{told}, recall {found.recall:.2f}, {outcome.false_incidents} false incidents"
