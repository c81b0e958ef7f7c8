"""Who competes, and how each is started: a process that reads the topic from its beginning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
_HERE: Final = Path(__file__).parent / "competitors"
_TOOLS: Final = ROOT / ".competitors"


@dataclass(frozen=True, slots=True)
class Entry:
    """A competitor; with ``most``, it reads a topic of so many events: all would take too long."""

    name: str
    what: str
    command: tuple[str, ...] = ()
    most: int | None = None
    #: Whether its windows stay open that nothing comes after.
    leaves_open: bool = False


def _python(script: str) -> tuple[str, ...]:
    return (str(_TOOLS / "bin" / "python"), str(_HERE / script))


OURS: Final = Entry("distillwatch", "the whole worker: every stage, state, alerts, metrics")
FLOOR: Final = Entry("floor", "aiokafka and msgspec, decodes, nothing else", _python("floor.py"))
FAUST: Final = Entry(
    "faust", "Record, agent, table of counts", _python("stock_faust.py"), most=20_000
)
QUIX: Final = Entry("quix", "one window of 4 aggregates", _python("quix.py"), leaves_open=True)
BYTEWAX: Final = Entry(
    "bytewax", "one window of 4 aggregates", _python("bytewax_window.py"), most=100_000
)
STREAMS: Final = Entry(
    "kafka-streams",
    "one window of 4 aggregates, store and changelog",
    ("java", "-cp", f"{_TOOLS / 'streams'}:{_TOOLS / 'streams' / 'libs'}/*", "OneWindow"),
)
ENTRIES: Final = (OURS, FAUST, QUIX, BYTEWAX, FLOOR, STREAMS)
