"""The scorecard as a table for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from stream.tools.report.scorecard import CampaignResult, Scorecard

COLUMNS: Final = (
    "campaign",
    "accounts",
    "found",
    "members named",
    "time to detect",
    "lost before detection",
)


def render(card: Scorecard) -> Table:
    """Return the summary table of a run with labels."""
    table = Table(title="planted campaigns", title_justify="left")
    for name in COLUMNS:
        table.add_column(name, justify="left" if name == COLUMNS[0] else "right")
    for result in card.campaigns:
        table.add_row(*map(Text, cells(result)), style=None if result.found else "red")
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


def cells(result: CampaignResult) -> tuple[str, ...]:
    """Return what the terminal's table and the page show of a campaign, by :data:`COLUMNS`."""
    return (
        result.campaign,
        str(result.accounts),
        "yes" if result.found else "no",
        f"{result.recall:.0%}",
        duration(result.detected_after_s),
        "-" if result.leaked is None else f"{result.leaked:.1%}",
    )
