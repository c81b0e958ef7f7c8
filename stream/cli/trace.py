"""``distillwatch trace``: whether answers of this gateway are in a data set, and whose."""

from __future__ import annotations

import hashlib
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from stream.cli.common import ConfigOption, err, moment, read_settings
from stream.cli.progress_bar import progress
from stream.cli.trace_sources import (
    read_alerts,
    read_answers,
    read_canaries,
    warn,
    writable,
)
from stream.cli.trace_table import trace_table
from stream.core.errors import UsageError
from stream.oversight.published import as_json
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
    decisions_file: Annotated[
        Path | None,
        typer.Option(
            "--decisions", metavar="F", help="Read them here, as `decisions audit` prints them"
        ),
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
    offline = bool(answers_file and alerts_file)
    decisions = read_canaries(settings, decisions_file, offline=offline)
    if decisions.missing and decisions_file:
        warn(f"canaries are not searched for: {decisions.missing}")
    if decisions.suspicious:
        warn(f"{decisions.suspicious:,} records of decisions are not signed or damaged: left out")
    # Canaries need no stored answers, and so no key of them.
    alone = bool(decisions.decisions) and not settings.trace.key
    run = TraceRun(
        () if alone else trace_keys(settings.trace.key),
        densest=min(densities),
        thinnest=max(densities),
        level=level,
        dated=None if dated is None else moment("--dated", dated),
        decisions=decisions,
    )
    read = _read_dataset(run, dataset, columns or [])
    if alone:
        warn("trace.key is missing: canaries alone are searched for")
        run.start_answers()
    else:
        read_alerts(run, settings, alerts_file)
        read_answers(run, settings, answers_file, save_file, needed=not decisions.decisions)
    result = run.result(read, columns or [])
    _warn(result)
    _write(out_file, as_json(result) if format_ is TraceFormat.JSON else trace_table(result))
    if bundle is not None:
        err.print(f"{bundle}: SHA-256 {write_bundle(bundle, result)}", markup=False, soft_wrap=True)


def _read_dataset(run: TraceRun, path: Path, columns: list[str]) -> TracedDataset:
    with progress("data set", path.stat().st_size if path.is_file() else None) as advance:
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
            warn(f"{count:,} {what}: not compared")
    if read.key_ids and not found.hashes:
        warn("the data set has no text of eight words")


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
    with writable(path) as file:
        file.write(text.encode())
