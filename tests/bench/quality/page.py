"""The results as one page: the tables, and three plots for each campaign."""

from __future__ import annotations

from html import escape
from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console

from quality.modes import MODES
from stream.tools.report.look import document
from stream.tools.report.plot import Mark, leaks, precision_recall, scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from quality.plan import Plan
    from quality.run import Result


def page(
    plan: Plan, results: Sequence[Result], tables: Sequence[Table], notes: Sequence[str]
) -> str:
    """Return the whole page as HTML text."""
    shown = "".join(_table(one) for one in tables)
    told = "".join(f"<p>{escape(note)}</p>" for note in notes)
    played: dict[str, list[Result]] = {}  # by scenario; the first mode's scores are drawn
    for result in results:
        if result.outcomes[0].campaign is not None:
            played.setdefault(result.scenario, []).append(result)
    start_h = plan.start_s / 3600
    return document(
        f"distillwatch quality: {plan.name}",
        f"<h1>Quality, {escape(plan.name)}</h1>{told}{shown}"
        + "".join(_campaign(modes, start_h) for modes in played.values()),
    )


def _campaign(modes: Sequence[Result], start_h: float) -> str:
    """Return the plots of one scenario; the modes stand in the order of the command."""
    shown = modes[0]
    found = shown.outcomes[0].campaign
    assert found is not None
    marks = [Mark(found.after_s / 3600, "found")] if found.after_s is not None else []
    hourly = {
        name: {int(hour + start_h): score for hour, score in line}
        for name, line in shown.curves.scores.items()
    }
    trade = {MODES[result.mode].title: result.curves.precision_recall for result in modes}
    return (
        f"<h2>{escape(shown.scenario)}, {escape(MODES[shown.mode].title)}</h2>"
        f"<h3>Highest score of each hour</h3>{scores(hourly, ())}"
        f"<h3>Precision over recall of accounts</h3>{precision_recall(trade)}"
        f"<h3>Share of its output tokens that has left</h3>"
        f"{leaks({shown.scenario: shown.curves.leaked}, marks)}"
    )


def _table(one: Table) -> str:
    """Return a terminal's table as it stands: the same figures in the same order."""
    console = Console(file=StringIO(), width=220, record=True)
    console.print(one)
    return f"<pre style='overflow-x:auto;font-size:12px'>{escape(console.export_text())}</pre>"


def terminal(tables: Sequence[Table]) -> None:
    """Print the tables."""
    console = Console(width=200, highlight=False)
    for one in tables:
        console.print(one)
