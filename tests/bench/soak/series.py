"""What a run leaves on disk while it goes, line by line: samples, marks, alerts; and its reading.

::

    DIR/meta.json     what was run: days, pace, seeds, revisions
    DIR/samples.jsonl a Sample every few seconds
    DIR/marks.jsonl   a Mark for each fault and restart
    DIR/alerts.jsonl  the alerts as they came
    DIR/sent.json     requests sent, by day of event time
    DIR/end.json      what was counted at the end; absent after a run that died
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from soak.month import START_S
from stream.core.alerts import Alert
from stream.tools.simulate.rhythms import DAY_S

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")


class Meta(msgspec.Struct, kw_only=True):
    """What was run; times of the wall clock in epoch seconds."""

    days: float
    pace: float
    seed: int
    began: float
    revision: str
    older_revision: str
    command: str
    settings: dict[str, str]


class Life(msgspec.Struct):
    """A process at a moment. ``rss`` in bytes; ``number`` counts all processes of the run."""

    number: int
    worker: int
    pid: int
    age_s: float
    rss: int
    files: int
    threads: int
    cpu_s: float
    ready: bool
    metrics: dict[str, float] = {}


class Sample(msgspec.Struct, kw_only=True):
    """All that is measured at a moment; ``at_s`` since the traffic began."""

    at_s: float
    event_s: float
    """Event time that was sent last, epoch seconds."""
    sent: int
    workers: list[Life] = []
    behind: dict[str, int] = {}
    """Topic -> records that the group has not committed."""
    lag_s: float | None = None
    """Age of the oldest record that is not committed; None: the brokers did not answer."""
    committed: int | None = None
    """Sum of all committed offsets."""
    topics: dict[str, int] = {}
    """Topic -> bytes of its files on all brokers."""
    held_s: float = 0.0
    """Seconds in which nothing was sent so far, because the lag was far beyond its limit."""
    load: float = 0.0
    """Processes of the whole machine that run or wait for a core, over a minute."""
    brokers_rss: int = 0
    brokers_cpu_s: dict[str, float] = {}
    """Broker -> processor time of its process; a restart begins again."""


class Mark(msgspec.Struct):
    """Something that was done or happened."""

    at_s: float
    kind: str
    text: str


class End(msgspec.Struct, kw_only=True):
    """What was counted when all was processed."""

    at_s: float
    ledger: dict[str, int]
    """Day -> requests of the ledger."""
    dead_letters: int
    drained_s: float
    """Seconds from the last request to the last commit; below 0: it did not happen."""


class Run(msgspec.Struct):
    """All of it, read again."""

    meta: Meta
    samples: list[Sample]
    marks: list[Mark]
    alerts: list[Alert]
    sent: dict[str, int]
    end: End | None

    @property
    def days(self) -> float:
        """Return the days of traffic that were played."""
        return max([0.0, *((sample.event_s - START_S) / DAY_S for sample in self.samples)])


def append(path: Path, value: object) -> None:
    """Add a line; it is in the file when this returns."""
    with path.open("ab") as file:
        file.write(msgspec.json.encode(value) + b"\n")


def write(path: Path, value: object) -> None:
    """Replace a file."""
    fresh = path.with_suffix(".fresh")
    fresh.write_bytes(msgspec.json.encode(value))
    fresh.replace(path)


def read(folder: Path) -> Run:
    """Read the run of a folder, also one that died: a line that was not finished is left out."""
    end = folder / "end.json"
    sent = folder / "sent.json"
    return Run(
        msgspec.json.decode((folder / "meta.json").read_bytes(), type=Meta),
        _lines(folder / "samples.jsonl", Sample),
        _lines(folder / "marks.jsonl", Mark),
        _lines(folder / "alerts.jsonl", Alert),
        msgspec.json.decode(sent.read_bytes(), type=dict[str, int]) if sent.exists() else {},
        msgspec.json.decode(end.read_bytes(), type=End) if end.exists() else None,
    )


def _lines(path: Path, kind: type[T]) -> list[T]:
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    return [msgspec.json.decode(line, type=kind) for line in lines]
