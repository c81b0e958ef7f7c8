"""Entries of the account directory in files: CSV with a header, JSON lines, Parquet.

Each row has ``account_id`` and the fields of an entry. An error names its
place in the file; nothing here is kept.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from stream.core.errors import DecodeError, UsageError
from stream.intake.codec.reasons import FAILURES, explain
from stream.intake.directory.entry import MOST_BYTES, AccountEntry, account_of, decode
from stream.tools.replay.compressed import DAMAGES, STDIN, kind, opened
from stream.tools.replay.json_values import MAX_VALUE_BYTES
from stream.tools.replay.tables import csv_rows, parquet_rows

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator
    from pathlib import Path

_REPORT_EVERY: Final = 1000


class _Row(AccountEntry, frozen=True, kw_only=True):
    account_id: str


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A row as key and value of the topic."""

    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is no entry: where it is and why."""

    where: str
    why: str


_row = msgspec.json.Decoder(_Row).decode
_fields: Final = AccountEntry.__struct_fields__


def entries(
    path: Path, *, latest: float, advance: Callable[[int], None] = lambda _: None
) -> Iterator[FileEntry | BadRow]:
    """Yield the rows of a file; ``latest`` is the last time that an account may be created.

    ``advance`` is called with the raw bytes read. Raises UsageError when the file cannot be read.
    """
    if path == STDIN or not path.is_file():
        raise UsageError(f"{path}: no such file")
    try:
        for where, row in _rows(path, advance):
            try:
                yield _read(row, latest)
            except DecodeError as error:
                yield BadRow(f"{path}:{where}", str(error))
    except (*DAMAGES, csv.Error) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error


def _read(row: bytes, latest: float) -> FileEntry:
    if len(row) > MOST_BYTES:
        raise DecodeError("too_large", f"{len(row)} bytes, at most {MOST_BYTES}")
    try:
        found = _row(row)
    except FAILURES as error:
        raise explain(error) from error
    key = found.account_id.encode("utf-8", "surrogatepass")
    account_of(key)
    value = msgspec.json.encode(AccountEntry(**{name: getattr(found, name) for name in _fields}))
    decode(value, latest=latest)
    return FileEntry(key, value)


def _rows(path: Path, advance: Callable[[int], None]) -> Iterator[tuple[str, bytes]]:
    """Yield rows as JSON, each with its line or, in Parquet, its number."""
    if kind(path) == ".parquet":
        size, reported = path.stat().st_size, 0
        with path.open("rb") as file:
            for number, (value, share) in enumerate(parquet_rows(path, file), 1):
                yield f"row {number}", value
                advance(int(size * share) - reported)
                reported = int(size * share)
        return
    with opened(path) as (raw, file):
        position = 0
        found = csv_rows(file) if kind(path) == ".csv" else _lines(file)
        for count, (line, value) in enumerate(found):
            yield str(line), value
            if count % _REPORT_EVERY == 0:
                advance(raw.tell() - position)
                position = raw.tell()
        advance(raw.tell() - position)


def _lines(file: io.BufferedReader) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(iter(lambda: file.readline(MAX_VALUE_BYTES), b""), 1):
        if stripped := line.strip():
            yield number, stripped
