"""A trace's result for people: campaigns, their accounts, and what it cannot show."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

from stream.core.plain_text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.trace.trace_result import (
        MatchedAccount,
        TracedCanaries,
        TracedGroup,
        TracedSubject,
        TraceResult,
    )

#: Groups that are shown although they are not named, accounts of a group, rows of an account.
_OTHERS: Final = 10
_ACCOUNTS: Final = 10
_ROWS: Final = 5
_WIDTH: Final = 120
_COLUMNS: Final = (
    "as a whole: of the answers that are found, how much is in the data set. p: how probable as "
    "many matches are by chance. q: the false discovery rate over all that was tested."
)


def trace_table(result: TraceResult) -> str:
    """Return the result as text."""
    out = io.StringIO()
    console = Console(file=out, width=_WIDTH, highlight=False, markup=False)
    read, found = result.answers, result.dataset
    console.print(
        f"{found.rows:,} rows ({found.rows_are}), {found.hashes:,} kept hashes; {read.answers:,} "
        f"answers to {read.accounts:,} accounts"
        + (f", {read.first} to {read.last}" if read.answers else "")
    )
    named = [one for one in result.groups if one.named]
    others = [one for one in result.groups if not one.named]
    if named:
        console.print(_groups("Answers to these are in the data set", named))
        for one in named:
            console.print(_accounts(f"Accounts of {_name(one)}", one.members))
    else:
        console.print("No campaign's answers are found in the data set.")
    if others:
        console.print(_groups("Not named", others[:_OTHERS], why=True))
    if len(others) > _OTHERS:
        console.print(f"... and {len(others) - _OTHERS:,} more (see --format json)")
    if result.outside:
        title = "Outside of all incidents, not tested: most matched rows"
        console.print(_accounts(title, result.outside))
    _print_canaries(console, result.canaries)
    console.print(_COLUMNS)
    console.print("What this cannot show:")
    for limit in result.limits:
        console.print(f"- {limit}")
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _print_canaries(console: Console, canaries: TracedCanaries) -> None:
    if not canaries.searched:
        console.print(f"Canaries were not searched for: {canaries.missing}")
        return
    console.print(
        f"{canaries.canaries:,} canaries of decisions were searched for among "
        f"{canaries.compared:,} words of their length; {canaries.tested:,} of those marked "
        "were given one."
    )
    for title, subjects in (
        ("Canaries of these are in the data set", [one for one in canaries.subjects if one.named]),
        ("Canaries that name no one", [one for one in canaries.subjects if not one.named]),
    ):
        if subjects:
            console.print(_subjects(title, subjects[:_OTHERS]))
        if len(subjects) > _OTHERS:
            console.print(f"... and {len(subjects) - _OTHERS:,} more (see --format json)")


def _subjects(title: str, subjects: Sequence[TracedSubject]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("marked", overflow="fold")
    table.add_column("decisions, canaries", overflow="fold")
    for name in ("rows", "also copies", "p", "q"):
        table.add_column(name, justify="right")
    table.add_column("first use" if subjects[0].named else "because", overflow="fold")
    for one in subjects:
        table.add_row(
            plain(f"{one.subject_kind} {one.subject_id}"),
            "\n".join(f"{of.decision_id} {of.word} ({of.state})" for of in one.found[:_ROWS]),
            f"{one.matched_rows:,}",
            "" if one.copied_rows is None else f"{one.copied_rows:,}",
            f"{one.p:.1e}",
            f"{one.q:.1e}",
            (one.first or "") if one.named else one.reason,
        )
    return table


def _groups(title: str, groups: Sequence[TracedGroup], *, why: bool = False) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("campaign or account", overflow="fold")
    for name in ("accounts", "rows", "as a whole", "p", "q"):
        table.add_column(name, justify="right")
    table.add_column("because" if why else "first and last answer", overflow="fold")
    for one in groups:
        share = "" if one.whole_share is None else f"{one.whole_share:.0%}"
        table.add_row(
            _name(one),
            f"{one.accounts_matched:,} of {one.accounts:,}",
            f"{one.matched_rows:,}",
            share,
            f"{one.p:.1e}",
            f"{one.q:.1e}",
            one.reason if why else f"{one.first} {one.last}",
        )
    return table


def _accounts(title: str, accounts: Sequence[MatchedAccount]) -> Table:
    left = len(accounts) - _ACCOUNTS
    caption = f"and {left:,} more (see --format json)" if left > 0 else None
    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left")
    table.add_column("account", overflow="fold")
    table.add_column("rows", justify="right")
    table.add_column("some of them")
    table.add_column("first and last answer")
    for one in accounts[:_ACCOUNTS]:
        rows = ", ".join(map(str, one.rows[:_ROWS]))
        more = ", ..." if one.matched_rows > _ROWS else ""
        table.add_row(
            plain(one.account_id),
            f"{one.matched_rows:,}",
            rows + more,
            f"{one.first} {one.last}",
        )
    return table


def _name(one: TracedGroup) -> str:
    if one.campaign_id:
        return plain(one.campaign_id)
    return plain(one.members[0].account_id if one.members else one.alert_id)
