"""The results as one page: the tables, and three plots for each campaign."""

from __future__ import annotations

from html import escape
from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console

from stream.report.html import document
from stream.report.plot import Mark, leaks, precision_recall, scores

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
    planted = [r for r in results if r.outcomes[0].campaign is not None and r.mode == "text"]
    silent = {r.scenario: r for r in results if r.mode == "silent"}
    start_h = plan.start_s / 3600
    return document(
        f"distillwatch quality: {plan.name}",
        f"<h1>Quality, {escape(plan.name)}</h1>{told}{shown}"
        + "".join(_campaign(result, silent.get(result.scenario), start_h) for result in planted),
    )


def _campaign(text: Result, silent: Result | None, start_h: float) -> str:
    found = text.outcomes[0].campaign
    assert found is not None
    marks = [Mark(found.after_s / 3600, "found")] if found.after_s is not None else []
    hourly = {
        name: {int(hour + start_h): score for hour, score in line}
        for name, line in text.curves.scores.items()
    }
    trade = {"with text": text.curves.precision_recall}
    if silent is not None:
        trade["without text"] = silent.curves.precision_recall
    return (
        f"<h2>{escape(text.scenario)}</h2><h3>Highest score of each hour</h3>{scores(hourly, ())}"
        f"<h3>Precision over recall of accounts</h3>{precision_recall(trade)}"
        f"<h3>Share of its output tokens that has left</h3>"
        f"{leaks({text.scenario: text.curves.leaked}, marks)}"
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
