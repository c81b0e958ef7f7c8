"""``distillwatch trace``: whether answers of this gateway are in a data set, and whose."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from stream.cli.common import ConfigOption, err, moment, read_settings
from stream.cli.trace_table import trace_table
from stream.core.errors import SettingsError, UsageError
from stream.kafka.trace_topics import read_answers, read_suspects
from stream.oversight.published import as_json
from stream.settings import Settings
from stream.tools.replay.answers_dump import dump, dumped_answers
from stream.tools.replay.dataset import DatasetReader
from stream.tools.report.evidence_bundle import write_bundle
from stream.trace.keys import trace_keys
from stream.trace.trace_result import TracedDataset, TraceResult
from stream.trace.trace_run import TraceRun

#: A group is named below this false discovery rate.
_LEVEL = 0.001
_CHUNK_BYTES = 2**20


class TraceFormat(StrEnum):
    """How a result is written."""

    TABLE = "table"
    JSON = "json"


def trace(  # noqa: PLR0913 - an argument for each option
    dataset: Annotated[
        Path, typer.Argument(help="JSON, .csv, .parquet or text; plain, .gz, .xz or .zst")
    ],
    *,
    columns: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="C", help="Read this field only; may be repeated"),
    ] = None,
    dated: Annotated[
        str | None,
        typer.Option(
            "--dated", metavar="TIME", help="When the data set was made: later answers are controls"
        ),
    ] = None,
    level: Annotated[
        float,
        typer.Option("--level", min=0, max=0.5, help="Name groups up to this false discovery rate"),
    ] = _LEVEL,
    answers_file: Annotated[
        Path | None,
        typer.Option("--answers", metavar="F", help="Read stored answers here, not from the topic"),
    ] = None,
    alerts_file: Annotated[
        Path | None,
        typer.Option("--alerts", metavar="F.jsonl", help="Read alerts here, and no verdicts"),
    ] = None,
    save_file: Annotated[
        Path | None,
        typer.Option("--save-answers", metavar="F", help="Keep what was read, for --answers"),
    ] = None,
    format_: Annotated[TraceFormat, typer.Option("--format")] = TraceFormat.TABLE,
    out_file: Annotated[
        Path | None, typer.Option("--out", metavar="F", help="Write to this file")
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", metavar="P", help="Write an evidence bundle: a folder, or .zip"),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Find answers of this gateway in a data set: to which campaigns, and how sure it is."""
    settings = read_settings(config)
    densities = settings.trace.one_in, settings.trace.one_in_watched
    run = TraceRun(
        trace_keys(settings.trace.key),
        densest=min(densities),
        thinnest=max(densities),
        level=level,
        dated=None if dated is None else moment("--dated", dated),
    )
    read = _read_dataset(run, dataset, columns or [])
    _read_alerts(run, settings, alerts_file)
    _read_answers(run, settings, answers_file, save_file)
    result = run.result(read, columns or [])
    _warn(result)
    _write(out_file, as_json(result) if format_ is TraceFormat.JSON else trace_table(result))
    if bundle is not None:
        err.print(f"{bundle}: SHA-256 {write_bundle(bundle, result)}", markup=False, soft_wrap=True)


def _read_dataset(run: TraceRun, path: Path, columns: list[str]) -> TracedDataset:
    with _progress("data set", path.stat().st_size if path.is_file() else None) as advance:
        reader = DatasetReader(path, columns, advance=advance)
        try:
            for portion in reader.portions():
                run.add_texts(portion.texts, portion.rows)
        except MemoryError:
            raise UsageError(f"{path}: takes too much memory: split it") from None
    if columns and reader.rows and not reader.texts:
        raise UsageError(f"--column: no row of {path} has text in {', '.join(columns)}")
    run.file.merge()
    size, digest = _digest(path)
    return TracedDataset(
        sha256=digest,
        bytes=size,
        format=reader.format,
        rows_are=reader.rows_are,
        rows=reader.rows,
        rows_repeated=reader.repeated,
        rows_unread=reader.unread,
        texts=reader.texts,
        hashes=len(run.file),
    )


def _read_alerts(run: TraceRun, settings: Settings, path: Path | None) -> None:
    if path is None:
        with _progress("alerts", None) as advance:
            read_suspects(settings.kafka, settings.topics, run.book, advance)
        return
    try:
        with path.open("rb") as file:
            for line in file:
                run.book.take_alert(line)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    if run.book.damaged:
        err.print(
            f"distillwatch: {path}: {run.book.damaged:,} lines are no alerts",
            markup=False,
            soft_wrap=True,
        )


def _read_answers(
    run: TraceRun, settings: Settings, path: Path | None, save_file: Path | None
) -> None:
    answers = run.start_answers()
    with ExitStack() as stack:
        advance = stack.enter_context(_progress("answers", None))
        copy = None if save_file is None else stack.enter_context(_writable(save_file))

        def take(value: bytes | None) -> None:
            if copy is not None and value:
                dump(copy, value)
            answers.take(value)

        if path is None:
            read_answers(settings.kafka, settings.topics, take, advance)
        else:
            for value in dumped_answers(path):
                take(value)
                advance(1)
    found = answers.summary()
    where = str(path) if path else settings.topics.answers
    if not found.records:
        raise UsageError(f"{where}: no answer is stored: see trace.enabled")
    if found.records == found.damaged:
        raise UsageError(f"{where}: no record of answers can be read: {answers.reason}")
    if not found.answers and found.thinner:
        raise SettingsError(f"trace.one_in: all records of {where} are thinner")
    if not found.answers:
        raise SettingsError(
            f"trace.key: no record of {where} is under it, but under {', '.join(answers.foreign)}"
        )


def _warn(result: TraceResult) -> None:
    """Show what was left out, a line each."""
    read, found = result.answers, result.dataset
    left_out = {
        "rows of the data set cannot be read": found.rows_unread,
        "records of answers cannot be read": read.damaged,
        "records are under keys that trace.key does not have": read.other_keys,
        "records are thinner than trace.one_in": read.thinner,
    }
    for what, count in left_out.items():
        if count:
            err.print(f"distillwatch: {count:,} {what}: not compared", markup=False, soft_wrap=True)
    if not found.hashes:
        err.print(
            "distillwatch: the data set has no text of eight words", markup=False, soft_wrap=True
        )


def _digest(path: Path) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while part := file.read(_CHUNK_BYTES):
            digest.update(part)
            size += len(part)
    return size, digest.hexdigest()


def _write(path: Path | None, text: str) -> None:
    if path is None:
        sys.stdout.write(text)
        return
    with _writable(path) as file:
        file.write(text.encode())


@contextmanager
def _writable(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("wb") as file:
            yield file
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


@contextmanager
def _progress(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn(title), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("", total=total)
        yield lambda count: bar.advance(task, count)
