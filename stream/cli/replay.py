"""``distillwatch replay``: the worker's pipeline over files or a topic, with a report."""

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

from stream.cli.accounts_file import fill
from stream.cli.common import ConfigOption, collect_garbage_seldom, err, out, read_settings
from stream.cli.explain_format import explain_each, explain_first
from stream.cli.replay_source import source_of
from stream.core.alerts import Alert, as_sent
from stream.core.errors import UsageError
from stream.intake.codec.settings import Format
from stream.metrics import Metrics
from stream.networks.databases import Databases
from stream.pipeline.build import account_directory
from stream.pipeline.chain import Chain
from stream.tools.report.account_traffic import Traffic
from stream.tools.report.campaign_traffic import CampaignTraffic
from stream.tools.report.candidates import Candidates
from stream.tools.report.html import Run, page
from stream.tools.report.labels import Labels
from stream.tools.report.run_report import RunReport, report
from stream.tools.report.scorecard import score
from stream.tools.report.scorecard_table import render
from stream.tools.report.scores import ScoreLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from stream.intake.codec.settings import IntakeSettings
    from stream.intake.directory.directory import AccountDirectory
    from stream.tools.replay.source import ReplaySource

_ALERT_LINES = 20


def replay(  # noqa: PLR0913 - an argument for each option
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="JSON lines or arrays, .csv with a header, .parquet; plain, .gz, .xz, .zst; or -"
        ),
    ] = None,
    *,
    topic: Annotated[
        str | None, typer.Option("--topic", metavar="T", help="Read this topic instead of files")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="Start time (broker timestamp)"),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--to", metavar="TIME", help="End time; RFC 3339 or epoch seconds, as --from"),
    ] = None,
    format_: Annotated[
        Format | None, typer.Option("--format", help="Log format (default: intake.format)")
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain-format",
            help="Only show how the first records are decoded, and missing fields",
        ),
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="With --explain-format: one JSON object for every record"),
    ] = False,
    alerts_file: Annotated[
        Path | None, typer.Option("--alerts", metavar="OUT.jsonl", help="Write every alert here")
    ] = None,
    labels_file: Annotated[
        Path | None,
        typer.Option(
            "--labels", metavar="L.csv", help="Ground-truth labels (CSV); adds a scorecard"
        ),
    ] = None,
    report_file: Annotated[
        Path | None,
        typer.Option("--report", metavar="R.json", help="Write the report here, as JSON"),
    ] = None,
    html_file: Annotated[
        Path | None,
        typer.Option("--html", metavar="R.html", help="Write an HTML report with plots here"),
    ] = None,
    accounts_file: Annotated[
        Path | None,
        typer.Option("--accounts", metavar="F", help="Account directory: .csv, .jsonl or .parquet"),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Run the worker's pipeline over files or a topic, in event time; it sends nothing."""
    whole = read_settings(config)
    settings = whole.stages.with_one_accounts_task()
    if format_ is not None:
        settings = changed(settings, intake=_in_format(settings.intake, format_))
    if as_json and not explain:
        raise UsageError("--json needs --explain-format")
    source = source_of(whole, files, topic, since, until)
    if explain:
        explain_each(source, settings) if as_json else explain_first(source, settings.intake)
        return
    labels = Labels.read(labels_file) if labels_file else Labels({}, 0)
    ledger, score_log = CampaignTraffic(labels), ScoreLog(labels)
    traffic, candidates = Traffic(), Candidates(settings.alerting.clear_score)
    watches = (ledger.observe, *((traffic.observe,) if html_file else ()))
    score_watches = (score_log.observe, candidates.observe)
    directory = account_directory(settings)
    if accounts_file is not None:
        fill(directory, accounts_file, latest=time.time() + settings.intake.max_future_s)
    metrics = Metrics(strict=False)
    collect_garbage_seldom()
    chain = Chain(
        settings,
        source="replay",
        metrics=metrics,
        directory=directory,
        networks=Databases(settings.intake, metrics, now_s=time.time()).lookup,
        watch=lambda events: _all(watches, events),
        watch_scores=lambda *seen: _all(score_watches, *seen),
        partitions=source.partitions,
    )
    started = time.perf_counter()
    # Drills are neither findings nor false alarms.
    alerts = as_sent(alert for alert in _run(chain, source) if not alert.drill)
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
    if html_file:
        whole_run = Run(
            figures=figures,
            alerts=alerts,
            ledger=ledger,
            traffic=traffic,
            candidates=candidates,
            scores=score_log,
            labels=labels if labels_file else None,
            open_score=settings.alerting.open_score,
            clear_score=settings.alerting.clear_score,
        )
        _write(html_file, page(whole_run).encode())
    _show(figures, alerts)
    if accounts_file is not None:
        out.print(_joined(directory, metrics))


def _all(watches: Iterable[Callable[..., None]], *seen: object) -> None:
    for watch in watches:
        watch(*seen)


def _in_format(intake: IntakeSettings, format_: Format) -> IntakeSettings:
    try:
        return msgspec.structs.replace(intake, format=format_)
    except ValueError as error:
        raise UsageError(f"--format: {error}") from error


def _run(chain: Chain, source: ReplaySource) -> list[Alert]:
    alerts: list[Alert] = []
    with _progress(source):
        for partition, records in source.parts():
            alerts += (
                chain.process(records, now_s=time.time(), partition=partition)
                if records
                else chain.end(partition)
            )
        alerts += chain.finish()
    return alerts


@contextmanager
def _progress(source: ReplaySource) -> Iterator[None]:
    columns = (TextColumn("replay"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("", total=None)
        source.on_progress = lambda done, total: bar.update(task, completed=done, total=total)
        yield


def _write(path: Path | None, content: bytes) -> None:
    if path is None:
        return
    try:
        path.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


def _joined(directory: AccountDirectory, metrics: Metrics) -> str:
    """Return the share of events whose account is in the directory."""
    hit, miss = (
        metrics.registry.get_sample_value(
            "distillwatch_directory_lookups_total", {"result": result}
        ) or 0
        for result in ("hit", "miss")
    )  # fmt: skip
    share = hit / max(hit + miss, 1)
    return f"{len(directory):,} accounts in the directory, with {share:.1%} of the events"


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
