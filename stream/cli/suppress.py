"""``distillwatch suppress``: hides expected alerts for a limited time."""

from __future__ import annotations

import secrets
import time
from datetime import datetime
from typing import Annotated, Final

import msgspec
import typer

from stream.cli.common import (
    AuthorOption,
    ConfigOption,
    duration_s,
    out,
    read_settings,
    record_of,
)
from stream.core.errors import UsageError
from stream.core.feedback import Suppression
from stream.core.rfc3339 import rfc3339
from stream.kafka.compacted_topics import suppressions, write

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Hide expected alerts of accounts or campaigns for a limited time.",
)

_DAY_S: Final = 86400.0


@app.command()
def add(
    *,
    author: AuthorOption,
    reason: Annotated[
        str, typer.Option(metavar="R", help="The reason; listed with the suppression")
    ],
    lasting: Annotated[
        str | None, typer.Option("--for", metavar="T", help="How long: 30m, 8h or 14d")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="End time instead of --for, RFC 3339")
    ] = None,
    account: Annotated[str | None, typer.Option(metavar="ID", help="One account")] = None,
    pattern: Annotated[
        str | None, typer.Option(metavar="GLOB", help="Accounts whose id matches, such as 'ci-*'")
    ] = None,
    value: Annotated[
        str | None,
        typer.Option(
            metavar="LINK:V", help="Indicator of a campaign: link and value from the alert's links"
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Hide an account, accounts by a pattern, or campaigns that share an indicator."""
    given = {"account": account, "pattern": pattern, "value": value}
    chosen = [(by, match) for by, match in given.items() if match is not None]
    if len(chosen) != 1:
        raise UsageError("suppress add needs one of --account, --pattern or --value")
    ((by, match),) = chosen
    link, _, match = match.rpartition(":") if by == "value" else ("", "", match)
    settings, now = read_settings(config), time.time()
    suppression = record_of(
        Suppression,
        suppression_id=f"sup_{secrets.token_hex(10)}",
        by=by,
        match=match,
        link=link or None,
        author=author,
        reason=reason,
        time=now,
        expires=_end(now, lasting, until),
    )
    longest_s = settings.feedback.longest_suppression_s
    if suppression.expires - now > longest_s:
        raise UsageError(
            f"a suppression lasts {longest_s / _DAY_S:g} days at most "
            "(feedback.longest_suppression_s)"
        )
    write(settings.kafka, settings.topics, settings.topics.suppressions, suppression)
    out.print(_line(suppression), markup=False, soft_wrap=True)


@app.command("list")
def show(config: ConfigOption = None) -> None:
    """List active suppressions, soonest expiry first."""
    settings, now = read_settings(config), time.time()
    found = suppressions(settings.kafka, settings.topics).values()
    active = [one for one in found if not one.removed and one.expires > now]
    for one in sorted(active, key=lambda s: (s.expires, s.key)):
        out.print(_line(one), markup=False, soft_wrap=True)


@app.command()
def remove(
    suppression_id: Annotated[str, typer.Argument(help="From `suppress list`: sup_...")],
    author: AuthorOption,
    config: ConfigOption = None,
) -> None:
    """End a suppression: incidents it hid that are still open are alerted."""
    settings = read_settings(config)
    found = suppressions(settings.kafka, settings.topics).get(suppression_id)
    if found is None or found.removed:
        raise UsageError(f"{suppression_id}: there is no such suppression")
    given = msgspec.structs.asdict(found)
    now = max(time.time(), found.time + 1e-3)  # never before the first state: the later one counts
    ended = record_of(Suppression, **given | {"author": author, "time": now, "removed": True})
    write(settings.kafka, settings.topics, settings.topics.suppressions, ended)
    out.print(f"{suppression_id}: removed", markup=False)


def _end(now: float, lasting: str | None, until: str | None) -> float:
    if (lasting is None) == (until is None):
        raise UsageError("suppress add needs either --for or --until: a suppression has an end")
    if lasting is not None:
        return now + duration_s(lasting, option="--for")
    try:
        end = datetime.fromisoformat(until or "")
    except ValueError as error:
        raise UsageError(f"--until: expected an RFC 3339 time, not {until!r}") from error
    if end.tzinfo is None:
        raise UsageError(f"--until: {until!r} has no time zone (2026-03-02T00:00:00Z)")
    if end.timestamp() <= now:
        raise UsageError(f"--until: {until} is in the past")
    return end.timestamp()


def _line(one: Suppression) -> str:
    what = f"{one.link} {one.match}" if one.link else f"{one.by} {one.match}"
    return f"{one.key} {what} until {rfc3339(one.expires)} by {one.author}: {one.reason}"
