"""``distillwatch replay``: the worker's pipeline over files, with a progress bar and a report."""

from __future__ import annotations

import resource
import time
from contextlib import contextmanager
from dataclasses import replace as changed
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from stream.cli.common import ConfigOption, err, out, read_settings
from stream.codec.settings import Format
from stream.errors import UsageError
from stream.metrics import Metrics
from stream.pipeline.chain import Chain
from stream.replay import batches, total_bytes
from stream.report.html import page
from stream.report.labels import Labels
from stream.report.ledger import Ledger
from stream.report.run import RunReport, report
from stream.report.scorecard import score
from stream.report.scores import ScoreLog
from stream.report.table import render

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream.types.alerts import Alert

_ALERT_LINES = 20


def replay(
    files: Annotated[list[Path], typer.Argument(help="JSON lines: plain, .gz, .xz, .zst or -")],
    *,
    format_: Annotated[
        Format | None, typer.Option("--format", help="Log format, if not intake.format")
    ] = None,
    alerts_file: Annotated[
        Path | None, typer.Option("--alerts", metavar="OUT.jsonl", help="Write every alert here")
    ] = None,
    labels_file: Annotated[
        Path | None, typer.Option("--labels", metavar="L.csv", help="Hold the alerts against these")
    ] = None,
    report_file: Annotated[
        Path | None, typer.Option("--report", metavar="R.json", help="Write the figures here")
    ] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", metavar="R.html", help="Write a page with plots here")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Run the worker's pipeline over files, in event time; no broker, no network."""
    settings = read_settings(config).stages
    if format_ is not None:
        intake = msgspec.structs.replace(settings.intake, format=format_)
        settings = changed(settings, intake=intake)
    labels = Labels.read(labels_file) if labels_file else Labels({}, 0)
    ledger, score_log = Ledger(labels), ScoreLog(labels)
    chain = Chain(
        settings,
        source="replay",
        metrics=Metrics(strict=False),
        watch=ledger.observe,
        watch_scores=score_log.observe,
    )
    started = time.perf_counter()
    alerts = _run(chain, files)
    figures = report(
        alerts,
        ledger,
        seconds=time.perf_counter() - started,
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        dead_letters=dict(chain.dead_letters),
        scorecard=score(alerts, labels, ledger) if labels_file else None,
    )
    _write(alerts_file, b"".join(msgspec.json.encode(alert) + b"\n" for alert in alerts))
    _write(report_file, msgspec.json.format(msgspec.json.encode(figures)))
    _write(html_file, page(figures, alerts, ledger, score_log).encode() if html_file else b"")
    _show(figures, alerts)


def _run(chain: Chain, files: list[Path]) -> list[Alert]:
    alerts: list[Alert] = []
    with _progress(total_bytes(files)) as advance:
        for records in batches(files, advance=advance):
            alerts += chain.process(records, now_s=time.time())
        alerts += chain.finish()
    return alerts


@contextmanager
def _progress(size: int | None) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("replay"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("", total=size)
        yield lambda count: bar.advance(task, count)


def _write(path: Path | None, content: bytes) -> None:
    if path is None:
        return
    try:
        path.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


def _show(figures: RunReport, alerts: list[Alert]) -> None:
    newest = {alert.alert_id: alert for alert in alerts}
    for alert in list(newest.values())[:_ALERT_LINES]:
        out.print(f"{alert.severity:8} {alert.started_at}  {alert.summary}", markup=False)
    if len(newest) > _ALERT_LINES:
        out.print(f"... and {len(newest) - _ALERT_LINES} more incidents (see --alerts)")
    if figures.scorecard is not None:
        out.print(render(figures.scorecard))
    dead = sum(figures.dead_letters.values())
    out.print(
        f"{figures.events:,} events of {figures.accounts:,} accounts over {figures.days:.1f} days "
        f"in {figures.seconds:.1f} s ({figures.events_per_second:,.0f}/s), "
        f"{figures.peak_memory_bytes / 2**20:,.0f} MiB at most, {dead:,} dead letters, "
        f"{sum(figures.incidents.values())} incidents"
    )
