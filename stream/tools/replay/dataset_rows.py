"""The rows of data sets that are text: lines, JSON values, rows of CSV, blocks of plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from stream.core.errors import UsageError
from stream.tools.replay.json_values import MAX_VALUE_BYTES, values
from stream.tools.replay.tables import csv_rows

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator
    from pathlib import Path

#: Decompressed bytes from which on they are compared with the compressed ones, and how many times
#: as many they may be. Assumed: text is some ten times smaller when compressed, repeated rows some
#: hundred times.
_MUCH_BYTES: Final = 2**30
_MOST_TIMES: Final = 1_000
#: A block of text; longer ones are cut, so that a book is many rows.
_BLOCK_BYTES: Final = 2**16


class Row(NamedTuple):
    """A row by its number, from 1; None: it is too long to be read."""

    number: int
    value: bytes | None


class Expansion:
    """Stops the reading of a file that decompresses to far more than itself."""

    def __init__(self, path: Path, raw: BinaryIO) -> None:
        """``raw`` is the compressed file."""
        self._path = path
        self._raw = raw
        self._bytes = 0

    def add(self, count: int) -> None:
        """Count decompressed bytes; raises UsageError."""
        self._bytes += count
        if self._bytes > _MUCH_BYTES and self._bytes > _MOST_TIMES * self._raw.tell():
            raise UsageError(
                f"{self._path}: decompresses to more than {_MOST_TIMES:,} times its size"
            )


def numbered(file: io.BufferedReader, expansion: Expansion) -> Iterator[Row]:
    """Yield the lines of a file that are not empty; too long ones without their value."""
    for number, line in _lines(file, expansion):
        stripped = line and line.strip()
        if stripped != b"":
            yield Row(number, stripped)


def json_values(file: io.BufferedReader, expansion: Expansion) -> Iterator[Row]:
    """Yield the values of a file wherever they begin and end."""
    for number, value in enumerate(values(file), 1):
        expansion.add(len(value))
        yield Row(number, value)


def csv_values(file: io.BufferedReader, expansion: Expansion) -> Iterator[Row]:
    """Yield the rows of CSV with a header as JSON."""
    for number, (_, value) in enumerate(csv_rows(file), 1):
        expansion.add(len(value))
        yield Row(number, value)


def blocks(file: io.BufferedReader, expansion: Expansion) -> Iterator[Row]:
    """Yield the parts of a text between empty lines, each by the number of its first line."""
    first, block, size = 0, list[bytes](), 0
    for number, line in _lines(file, expansion):
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


def _lines(file: io.BufferedReader, expansion: Expansion) -> Iterator[tuple[int, bytes | None]]:
    """Yield every line with its number, None for one that is too long."""
    number = 0
    while part := file.readline(MAX_VALUE_BYTES):
        number += 1
        line: bytes | None = part
        expansion.add(len(part))
        while len(part) == MAX_VALUE_BYTES and part[-1:] != b"\n":
            line, part = None, file.readline(MAX_VALUE_BYTES)
            expansion.add(len(part))
        yield number, line
