"""The stages behind intake in one process, fed with columns, and floods to feed them with."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from stream.core.alerts import Alert
from stream.core.events import EVENT_COLUMNS, EventBatch
from stream.metrics import Metrics
from stream.pipeline.build import accounts_task, alerting_task, links_task
from stream.pipeline.chunks import pack_events
from stream.pipeline.routing import account_tasks
from testlib.metrics import value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from stream.core.batch import Array
    from stream.core.records import Emission
    from stream.pipeline.settings import StageSettings

START: Final = 1_772_409_600.0
WINDOW_S: Final = 60.0
HOUR_S: Final = 3600.0
DAY_S: Final = 86_400.0


class Stages:
    """Every task, and one source that says what :meth:`feed` is given."""

    def __init__(self, settings: StageSettings) -> None:
        self.settings = settings
        self.metrics = Metrics(strict=False)
        self.alerts: list[Alert] = []
        self.tasks: dict[tuple[str, int], Any] = {
            **{("events", n): accounts_task(settings, n, self.metrics) for n in self._numbers},
            **{("links", n): links_task(settings, n, self.metrics) for n in self._numbers},
            ("findings", 0): alerting_task(settings, self.metrics),
        }
        self._offsets = count()

    @property
    def _numbers(self) -> range:
        return range(self.settings.tasks)

    def feed(self, rows: EventBatch) -> None:
        """Send the events of one record, in time order, as intake does."""
        offset = next(self._offsets)
        rows.columns["offset"][:] = offset
        watermark = float(rows.columns["time"].max()) - self.settings.windows.allowed_lateness_s
        tasks = account_tasks(rows.accounts, self.settings.tasks)[rows.columns["account"]]
        for task in self._numbers:
            part = rows.take(tasks == task)
            for packet in pack_events(
                part, source=0, sources=1, watermark=watermark, max_bytes=self.settings.packet_bytes
            ):
                self._run(self.tasks["events", task].feed(offset, packet))

    def _run(self, emissions: Iterable[Emission]) -> None:
        for emission in emissions:
            if emission.role == "alerts":
                self.alerts.append(msgspec.json.decode(emission.value, type=Alert))
            elif emission.role != "ledger":  # no stage reads it
                task = self.tasks[emission.role, emission.partition or 0]
                self._run(task.feed(next(self._offsets), emission.value))

    def total(self, name: str, **labels: str) -> float:
        return value(self.metrics, name, **labels)

    def known(self, names: Sequence[str]) -> list[str]:
        """Return the accounts that still have state."""
        tables = [self.tasks["events", n]._stage._state.table for n in self._numbers]
        tasks = account_tasks(names, self.settings.tasks).tolist()
        pairs = zip(names, tasks, strict=True)
        return [name for name, task in pairs if tables[task].slot(name) is not None]


def batch(accounts: Sequence[str], times: Array, **columns: Array | int) -> EventBatch:
    """Return an event of each account at its time; columns that are not given are absent."""
    distinct = list(dict.fromkeys(accounts))
    code = {name: i for i, name in enumerate(distinct)}
    made = {name: np.zeros(len(accounts), dtype) for name, dtype in EVENT_COLUMNS.items()}
    for name in ("created_at", "temperature"):
        made[name][:] = np.nan
    made["time"][:] = times
    made["account"][:] = [code[name] for name in accounts]
    for name, column in columns.items():
        made[name][:] = column
    return EventBatch(distinct, made)


def residents(names: Sequence[str], days: float, rng: np.random.Generator) -> Iterator[EventBatch]:
    """Yield the hours of light accounts: a request every eight hours, own address and prompts.

    All requests of an hour are in one window, for the number of windows is what takes time.
    """
    for hour in range(int(days * 24)):
        chosen = np.arange(hour % 8, len(names), 8)
        yield batch(
            [names[i] for i in chosen.tolist()],
            START + HOUR_S * hour + np.sort(rng.uniform(0, WINDOW_S, len(chosen))),
            input_tokens=rng.integers(10, 2000, len(chosen)),
            output_tokens=rng.integers(10, 2000, len(chosen)),
            template=rng.integers(1, 2**63, len(chosen)),
            address=chosen + 1,
            status=200,
        )


def fresh_ids(total: int, *, per_step: int, start: float) -> Iterator[EventBatch]:
    """Yield windows of requests, each of an account that was never seen before."""
    for window, first in enumerate(range(0, total, per_step)):
        size = min(per_step, total - first)
        yield batch(
            [f"flood-{i:09}" for i in range(first, first + size)],
            start + window * WINDOW_S + np.linspace(0, WINDOW_S - 1, size),
            input_tokens=100,
            output_tokens=1,
            address=7,
        )


def fresh_prompts(
    total: int, *, per_step: int, accounts: int, start: float, rng: np.random.Generator
) -> Iterator[EventBatch]:
    """Yield windows of requests of the same accounts, each with values that were never seen."""
    for window, first in enumerate(range(0, total, per_step)):
        size = min(per_step, total - first)
        yield batch(
            [f"flood-{i % accounts:06}" for i in range(first, first + size)],
            start + window * WINDOW_S + np.linspace(0, WINDOW_S - 1, size),
            system_prompt=rng.integers(1, 2**63, size),
            template=rng.integers(1, 2**63, size),
            address=rng.integers(1, 2**63, size),
            prompt=rng.integers(1, 2**63, size),
        )


def resident_mib() -> float:
    """Return the memory of this process that is in RAM."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20
