"""The rows of data sets that are text: lines, JSON values, rows of CSV, blocks of plain text."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple, cast

from stream.core.errors import UsageError
from stream.tools.replay.json_values import MAX_VALUE_BYTES, values
from stream.tools.replay.tables import csv_rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Decompressed bytes from which on they are compared with the compressed ones, and how many times
#: as many they may be. Assumed: text is some ten times smaller when compressed, repeated rows some
#: hundred times.
_BUFFER_BYTES: Final = 1 << 20
_MUCH_BYTES: Final = 2**30
_MOST_TIMES: Final = 1_000
#: A block of text; longer ones are cut, so that a book is many rows.
_BLOCK_BYTES: Final = 2**16


class Row(NamedTuple):
    """A row by its number, from 1; None: it is too long to be read."""

    number: int
    value: bytes | None


class _Expanding(io.RawIOBase):
    """Stops the reading of a file that decompresses to far more than itself.

    All bytes count, also those that are in no row: white space, empty lines, a row without end.
    """

    def __init__(self, path: Path, raw: BinaryIO, file: io.BufferedReader) -> None:
        self._path, self._raw, self._file = path, raw, file
        self._bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        count = self._file.readinto(buffer)
        self._bytes += count
        if self._bytes > _MUCH_BYTES and self._bytes > _MOST_TIMES * self._raw.tell():
            raise UsageError(
                f"{self._path}: decompresses to more than {_MOST_TIMES:,} times its size"
            )
        return count


def expanding(path: Path, raw: BinaryIO, file: io.BufferedReader) -> io.BufferedReader:
    """Return a decompressed file, which raises UsageError where it is too large for ``raw``."""
    if file is raw:
        return file
    return io.BufferedReader(cast("io.RawIOBase", _Expanding(path, raw, file)), _BUFFER_BYTES)


def numbered(file: io.BufferedReader) -> Iterator[Row]:
    """Yield the lines of a file that are not empty; too long ones without their value."""
    for number, line in _lines(file):
        stripped = line and line.strip()
        if stripped != b"":
            yield Row(number, stripped)


def json_values(file: io.BufferedReader) -> Iterator[Row]:
    """Yield the values of a file wherever they begin and end."""
    for number, value in enumerate(values(file), 1):
        yield Row(number, value)


def csv_values(file: io.BufferedReader) -> Iterator[Row]:
    """Yield the rows of CSV with a header as JSON."""
    for number, (_, value) in enumerate(csv_rows(file), 1):
        yield Row(number, value)


def blocks(file: io.BufferedReader) -> Iterator[Row]:
    """Yield the parts of a text between empty lines, each by the number of its first line."""
    first, block, size = 0, list[bytes](), 0
    for number, line in _lines(file):
        if line is None:
            yield Row(number, None)
        full = line is None or not line.strip() or size > _BLOCK_BYTES
        if full and block:
            yield Row(first, b"".join(block))
            block, size = [], 0
        if line and line.strip():
            first = first if block else number
            block.append(line)
            size += len(line)
    if block:
        yield Row(first, b"".join(block))


def _lines(file: io.BufferedReader) -> Iterator[tuple[int, bytes | None]]:
    """Yield every line with its number, None for one that is too long."""
    number = 0
    while part := file.readline(MAX_VALUE_BYTES):
        number += 1
        line: bytes | None = part
        while len(part) == MAX_VALUE_BYTES and part[-1:] != b"\n":
            line, part = None, file.readline(MAX_VALUE_BYTES)
        yield number, line
