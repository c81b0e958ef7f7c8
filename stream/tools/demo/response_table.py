"""The response as a table for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from stream.tools.demo.response_ledger import CampaignResponse, DemoResponse

COLUMNS: Final = (
    "campaign",
    "decision",
    "accounts",
    "alert to approval",
    "to first refusal",
    "requests refused",
    "leaked after the decision",
)


def render(response: DemoResponse, pace: float) -> Table:
    """Return the table; ``pace`` is event time per time of the clock."""
    table = Table(title="from alert to action", title_justify="left")
    for name in COLUMNS:
        table.add_column(name, justify="left" if name in COLUMNS[:2] else "right")
    for row in (*response.campaigns, response.benign):
        table.add_row(*map(Text, _cells(row)))
    table.caption_justify = "left"
    table.caption = (
        f"a second is {pace / 60:,.0f} minutes of the traffic; leaked: output tokens, and their "
        "share of all that the campaign tried to get"
    )
    if response.unanswered:
        table.caption += f"\n{response.unanswered:,} requests passed without an enforcer's answer"
    return table


def _cells(row: CampaignResponse) -> tuple[str, ...]:
    share = "" if row.leaked_after_share is None else f" ({row.leaked_after_share:.1%})"
    return (
        row.campaign or "everyone else",
        row.action or "-",
        f"{row.acted_on} of {row.accounts}",
        _seconds(row.alert_to_approval_s),
        _seconds(row.approval_to_refusal_s),
        f"{row.refused:,} of {row.requests:,}",
        "-" if row.leaked_after is None else f"{row.leaked_after:,}{share}",
    )


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f} s"
