"""``distillwatch report``: what was found in a period, what left, and what was done about it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from stream.cli.common import ConfigOption, err, moment, read_settings
from stream.core.errors import UsageError
from stream.kafka.oversight_topics import report_books
from stream.oversight.compilation import compiled
from stream.oversight.published import as_json
from stream.oversight.record import ReportPeriod
from stream.oversight.table import as_csv
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
        str, typer.Option("--from", metavar="TIME", help="Incidents first alerted from then on")
    ],
    until: Annotated[
        str,
        typer.Option(
            "--to", metavar="TIME", help="and before; RFC 3339 (a day: its start) or epoch s"
        ),
    ],
    format_: Annotated[
        ReportFormat, typer.Option("--format", help="csv: one row a campaign")
    ] = ReportFormat.JSON,
    out_file: Annotated[
        Path | None, typer.Option("--out", metavar="F", help="Write here, not to standard output")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Report campaigns, what left, and what was done, from the topics; no account is named."""
    period = ReportPeriod(moment("--from", since), moment("--to", until))
    settings = read_settings(config)
    with _progress() as progress:
        books = report_books(settings.kafka, settings.topics, settings.decisions, period, progress)
    text = _WRITERS[format_](compiled(period, *books)).encode()
    if out_file is None:
        sys.stdout.buffer.write(text)
        return
    try:
        out_file.write_bytes(text)
    except OSError as error:
        raise UsageError(f"{out_file}: cannot be written: {error.strerror}") from error


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
