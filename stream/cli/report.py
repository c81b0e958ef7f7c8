"""``distillwatch report``: what was found in a period, what left, and what was done about it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from stream.cli.common import ConfigOption, err, moment, read_settings
from stream.core.errors import UsageError
from stream.core.rfc3339 import rfc3339
from stream.kafka.oversight_topics import report_books
from stream.oversight.compilation import compiled
from stream.oversight.published import as_json
from stream.oversight.record import ReportPeriod
from stream.oversight.table import as_csv
from stream.settings import Settings
from stream.tools.report.oversight_page import oversight_page


class ReportFormat(StrEnum):
    """How a report is written."""

    HTML = "html"
    JSON = "json"
    CSV = "csv"


_WRITERS = {
    ReportFormat.HTML: oversight_page,
    ReportFormat.JSON: as_json,
    ReportFormat.CSV: as_csv,
}


def report(
    *,
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="Incidents first alerted from then on"),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--to", metavar="TIME", help="and before; a day, RFC 3339 or epoch seconds"),
    ] = None,
    month: Annotated[
        str | None,
        typer.Option("--month", metavar="M", help="Instead of both: 2026-03, or last (UTC)"),
    ] = None,
    format_: Annotated[
        ReportFormat, typer.Option("--format", help="csv: one row a campaign")
    ] = ReportFormat.JSON,
    out_file: Annotated[
        Path | None,
        typer.Option("--out", metavar="F", help="Write to this file, or a file in this folder"),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Report campaigns, what left, and what was done, from the topics; no account is named."""
    period = _period(since, until, month)
    text = report_text(read_settings(config), period, format_)
    if out_file is None:
        sys.stdout.buffer.write(text)
        return
    if out_file.is_dir():
        out_file /= f"report-{rfc3339(period.since)[:10]}.{format_}"
    write_report(out_file, text)


def report_text(settings: Settings, period: ReportPeriod, format_: ReportFormat) -> bytes:
    """Return the report of a period from the topics of ``settings``."""
    with _progress() as progress:
        books = report_books(settings.kafka, settings.topics, settings.decisions, period, progress)
    return _WRITERS[format_](compiled(period, *books)).encode()


def write_report(path: Path, text: bytes) -> None:
    """Write a report; raises UsageError where that is not possible."""
    try:
        path.write_bytes(text)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


def _period(since: str | None, until: str | None, month: str | None) -> ReportPeriod:
    if month is not None and since is None and until is None:
        return ReportPeriod.of_month(month, time.time())
    if month is not None or since is None or until is None:
        raise UsageError("expected either --month, or --from and --to")
    return ReportPeriod(moment("--from", since), moment("--to", until))


@contextmanager
def _progress() -> Iterator[Callable[[str, int], None]]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("report", total=None)
        read: dict[str, int] = {}

        def show(topic: str, records: int) -> None:
            read[topic] = read.get(topic, 0) + records
            bar.update(task, description=f"{topic}: {read[topic]:,} records")

        yield show
