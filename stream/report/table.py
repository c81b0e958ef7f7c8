"""The scorecard as a table for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from stream.report.scorecard import CampaignResult, Scorecard


def render(card: Scorecard) -> Table:
    """Return the summary table of a run with labels."""
    table = Table(title="planted campaigns", title_justify="left")
    table.add_column("campaign")
    for name in ("accounts", "found", "members named", "detected after", "leaked before"):
        table.add_column(name, justify="right")
    for result in card.campaigns:
        table.add_row(*_row(result))
    missed = sum(not result.found for result in card.campaigns)
    table.caption_justify = "left"
    table.caption = (
        f"planted {len(card.campaigns)}, found {len(card.campaigns) - missed}, missed {missed}, "
        f"false {card.false_incidents} of {card.incidents} incidents"
    )
    return table


def duration(seconds: float | None) -> str:
    """Return a span for people: ``3 h 05 min``."""
    if seconds is None:
        return "-"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"  # noqa: PLR2004 - an hour


def _row(result: CampaignResult) -> tuple[str, ...]:
    return (
        result.campaign,
        str(result.accounts),
        "[green]yes[/]" if result.found else "[red]no[/]",
        f"{result.recall:.0%}",
        duration(result.detected_after_s),
        "-" if result.leaked is None else f"{result.leaked:.1%}",
    )
