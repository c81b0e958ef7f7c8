"""The medians as a table, with the ratios that the targets are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.table import Table

from side_by_side.entries import ENTRIES, OURS
from side_by_side.traffic import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from side_by_side.figures import Line

_COLUMNS: Final = (
    "", "events", "events/s", "ours is", "events per CPU s", "ours is", "peak MiB", "counted",
)  # fmt: skip


def tables(lines: Sequence[Line]) -> list[Table]:
    """Return a table for each topic."""
    found = []
    for kind in KINDS:
        of_kind = {line.entry: line for line in lines if line.kind == kind.name}
        if not of_kind:
            continue
        rounds = max(line.rounds for line in of_kind.values())
        made = Table(title=f"{kind.title}, median of {rounds}", title_justify="left")
        for column in _COLUMNS:
            made.add_column(column, justify="right" if column else "left")
        for entry in ENTRIES:
            if entry.name in of_kind:
                line, ours = of_kind[entry.name], of_kind.get(OURS.name)
                made.add_row(entry.name, *_cells(line, ours))
        made.caption = "; ".join(f"{entry.name}: {entry.what}" for entry in ENTRIES)
        made.caption_justify = "left"
        found.append(made)
    return found


def _cells(line: Line, ours: Line | None) -> tuple[str, ...]:
    return (
        f"{line.events:,}",
        f"{line.per_second:,.0f}",
        _ratio(ours.per_second if ours else None, line.per_second),
        f"{line.per_cpu_second:,.0f}",
        _ratio(ours.per_cpu_second if ours else None, line.per_cpu_second),
        f"{line.peak_mib:,}",
        "not all" if line.wrong else "all",
    )


def _ratio(ours: float | None, other: float) -> str:
    return f"{ours / other:.2f} x" if ours and other else "-"
