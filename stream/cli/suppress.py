"""``distillwatch suppress``: what is not to be told of for a while."""

from __future__ import annotations

import re
import secrets
import time
from datetime import datetime
from typing import Annotated, Final

import msgspec
import typer

from stream.cli.common import ConfigOption, out, read_settings, said
from stream.cli.verdict import AuthorOption
from stream.core.errors import UsageError
from stream.core.feedback import Suppression
from stream.core.rfc3339 import rfc3339
from stream.kafka.registers import suppressions, write

app = typer.Typer(no_args_is_help=True, help="Hide accounts or campaigns for a while.")

_UNITS_S: Final = {"m": 60.0, "h": 3600.0, "d": 86400.0}


@app.command()
def add(
    *,
    author: AuthorOption,
    reason: Annotated[str, typer.Option(metavar="R", help="Why; alerts will have it")],
    lasting: Annotated[
        str | None, typer.Option("--for", metavar="T", help="How long: 30m, 8h or 14d")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Or until when, RFC 3339")
    ] = None,
    account: Annotated[str | None, typer.Option(metavar="ID", help="One account")] = None,
    pattern: Annotated[
        str | None, typer.Option(metavar="GLOB", help="Accounts by their ids: 'ci-*'")
    ] = None,
    value: Annotated[
        str | None,
        typer.Option(metavar="LINK:V", help="What links a campaign, as its alert's links have it"),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Hide an account, accounts by a pattern, or campaigns that a value links."""
    given = {"account": account, "pattern": pattern, "value": value}
    chosen = [(by, match) for by, match in given.items() if match is not None]
    if len(chosen) != 1:
        raise UsageError("suppress add needs one of --account, --pattern or --value")
    ((by, match),) = chosen
    link, _, match = match.rpartition(":") if by == "value" else ("", "", match)
    settings, now = read_settings(config), time.time()
    suppression = said(
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
            f"a suppression lasts {longest_s / _UNITS_S['d']:g} days at most "
            "(feedback.longest_suppression_s)"
        )
    write(settings.kafka, settings.topics, settings.topics.suppressions, suppression)
    out.print(_line(suppression), markup=False, soft_wrap=True)


@app.command("list")
def show(config: ConfigOption = None) -> None:
    """Show what is suppressed now, what ends first first."""
    settings, now = read_settings(config), time.time()
    found = suppressions(settings.kafka, settings.topics).values()
    active = [one for one in found if not one.removed and one.expires > now]
    for one in sorted(active, key=lambda s: (s.expires, s.key)):
        out.print(_line(one), markup=False, soft_wrap=True)


@app.command()
def remove(
    suppression_id: Annotated[str, typer.Argument(help="As `suppress list` has it: sup_...")],
    author: AuthorOption,
    config: ConfigOption = None,
) -> None:
    """End a suppression: what it hides and still goes on is told of."""
    settings = read_settings(config)
    found = suppressions(settings.kafka, settings.topics).get(suppression_id)
    if found is None or found.removed:
        raise UsageError(f"{suppression_id}: there is no such suppression")
    given = msgspec.structs.asdict(found)
    now = max(time.time(), found.time + 1e-3)  # whatever our clock says: the later state counts
    ended = said(Suppression, **given | {"author": author, "time": now, "removed": True})
    write(settings.kafka, settings.topics, settings.topics.suppressions, ended)
    out.print(f"{suppression_id}: removed", markup=False)


def _end(now: float, lasting: str | None, until: str | None) -> float:
    if (lasting is None) == (until is None):
        raise UsageError("suppress add needs either --for or --until: it has to end")
    if lasting is not None:
        found = re.fullmatch(r"(\d{1,6})([mhd])", lasting)
        if found is None:
            raise UsageError(f"--for: expected 30m, 8h or 14d, not {lasting!r}")
        return now + int(found[1]) * _UNITS_S[found[2]]
    try:
        end = datetime.fromisoformat(until or "")
    except ValueError as error:
        raise UsageError(f"--until: expected an RFC 3339 time, not {until!r}") from error
    if end.tzinfo is None:
        raise UsageError(f"--until: {until!r} has no time zone (2026-03-02T00:00:00Z)")
    if end.timestamp() <= now:
        raise UsageError(f"--until: {until} is over")
    return end.timestamp()


def _line(one: Suppression) -> str:
    what = f"{one.link} {one.match}" if one.link else f"{one.by} {one.match}"
    return f"{one.key} {what} until {rfc3339(one.expires)} by {one.author}: {one.reason}"
