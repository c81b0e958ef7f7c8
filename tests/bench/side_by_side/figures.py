"""What one run of one competitor came to, and the medians of several."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """One run; ``wrong`` says why it is none ("": everything was counted)."""

    entry: str
    kind: str
    events: int
    wall_s: float
    cpu_s: float
    peak_mib: int
    alerts: int = 0
    wrong: str = ""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A competitor's medians on one topic."""

    entry: str
    kind: str
    rounds: int
    events: int
    per_second: float
    per_cpu_second: float
    peak_mib: int
    wrong: str = ""


def medians(runs: Sequence[Figures]) -> list[Line]:
    """Return one line for each topic and competitor."""
    groups: dict[tuple[str, str], list[Figures]] = {}
    for run in runs:
        groups.setdefault((run.kind, run.entry), []).append(run)
    return [
        Line(
            entry=entry,
            kind=kind,
            rounds=len(found),
            events=found[0].events,
            per_second=median(run.events / max(run.wall_s, 1e-9) for run in found),
            per_cpu_second=median(run.events / max(run.cpu_s, 1e-9) for run in found),
            peak_mib=int(median(run.peak_mib for run in found)),
            wrong=next((run.wrong for run in found if run.wrong), ""),
        )
        for (kind, entry), found in groups.items()
    ]
