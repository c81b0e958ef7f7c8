"""``distillwatch drill``: checks the whole path from request to receiver with a signed campaign."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from stream.cli.common import ConfigOption, err, out, read_settings, start_log
from stream.tools.drill.campaign import LEAST_ACCOUNTS
from stream.tools.drill.report import as_json
from stream.tools.drill.run import Drill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.settings import Settings
    from stream.tools.drill.report import DrillReport


def drill(
    *,
    accounts: Annotated[
        int, typer.Option(metavar="N", min=LEAST_ACCOUNTS, max=500, help="Accounts of the campaign")
    ] = 24,
    timeout: Annotated[
        float, typer.Option(metavar="S", min=1, help="Longest wait for alert and receivers")
    ] = 900,
    respond: Annotated[
        bool,
        typer.Option("--respond", help="Follow a simulated decision to the enforcers, too"),
    ] = False,
    enforcer: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Where an enforcer answers; default: by the settings"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON")] = False,
    config: ConfigOption = None,
) -> None:
    """Plant a signed test campaign in the live requests topic and wait for its alert.

    Run it with the settings of the workers. It pages no one (see the receivers' setting `drills`)
    and no model learns from it. Exit code 0 only when the alert arrived and every configured
    receiver has handled it; with --respond, also when a decision was proposed, approved, known to
    every enforcer, carried out by none, and undone.
    """
    start_log(level=logging.WARNING, line="%(message)s")
    # It warns of a slow machine, which does not matter here.
    logging.getLogger("kafka.net").setLevel(logging.ERROR)
    settings = read_settings(config)
    columns = (TextColumn("drill"), BarColumn(), TimeElapsedColumn())
    with Progress(
        *columns,
        TextColumn("{task.description}"),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    ) as bar:
        task = bar.add_task("connecting", total=timeout)
        report = Drill(
            settings=settings,
            accounts=accounts,
            timeout_s=timeout,
            enforcers=_enforcers(settings, enforcer or []) if respond else None,
            on_progress=lambda at_s, what: bar.update(task, completed=at_s, description=what),
        ).run()
    if json:
        typer.echo(as_json(report).decode())
    else:
        out.print(_table(report))
    if report.broken is not None:
        err.print(f"distillwatch: {report.broken}", markup=False, soft_wrap=True)
        raise typer.Exit(1)


def _table(report: DrillReport) -> Table:
    table = Table("link", "result", "after", title=f"Drill {report.drill_id}")
    for row in _rows(report):
        table.add_row(*row)
    return table


def _rows(report: DrillReport) -> Iterator[tuple[str, str, str]]:
    yield "planted", f"{report.requests:,} requests of {report.accounts} accounts", ""
    yield "read by workers", f"{report.read:,} requests", ""
    dead = ", ".join(f"{n} {reason}" for reason, n in sorted(report.dead_letters.items()))
    yield "dead letters", dead or "none", ""
    if report.alert_id is None:
        yield "alert", "none", _seconds(report.seconds)
        return
    found = f"{report.alert_id}, {report.members} of {report.accounts} accounts"
    yield "alert", found, _seconds(report.alert_after_s)
    for sink in report.sinks:
        yield sink.name, sink.result, _seconds(sink.after_s)
    for link in report.links:
        yield link.name, link.result, _seconds(link.after_s)


def _enforcers(settings: Settings, named: list[str]) -> tuple[str, ...]:
    """Return the addresses of ``--enforcer``, or the one of the settings."""
    host, port = settings.enforcer.host, settings.enforcer.port
    return tuple(named) or (f"http://{f'[{host}]' if ':' in host else host}:{port}",)


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"
