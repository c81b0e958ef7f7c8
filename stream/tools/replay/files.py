"""Files as batches of records, in order: JSON, CSV with a header or Parquet, by their names."""

from __future__ import annotations

import csv
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from stream.core.errors import UsageError
from stream.core.records import Record
from stream.tools.replay.compressed import DAMAGES, STDIN, kind, opened
from stream.tools.replay.json_values import BINARY, binary, values
from stream.tools.replay.recoded import recoded
from stream.tools.replay.tables import csv_rows, parquet_rows

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

#: Records run through the pipeline at a time: enough to work in columns, little enough to show.
BATCH_RECORDS: Final = 8192


def batches(
    paths: Sequence[Path], *, advance: Callable[[int], None] = lambda _: None
) -> Iterator[list[Record]]:
    """Yield the values and rows of files, in order, as records.

    ``advance`` is called with the raw bytes read, for a progress bar. Raises UsageError when a file
    cannot be read or is damaged.
    """
    found = chain.from_iterable(_values(path, advance) for path in paths)
    offset = 0
    while taken := list(islice(found, BATCH_RECORDS)):
        yield [Record(offset + i, None, value) for i, value in enumerate(taken)]
        offset += len(taken)


def total_bytes(paths: Sequence[Path]) -> int | None:
    """Return the size of the files in bytes, or None when standard input is among them."""
    if STDIN in paths:
        return None
    for path in paths:
        if not path.is_file():
            raise UsageError(f"{path}: no such file")
    return sum(path.stat().st_size for path in paths)


def _values(path: Path, advance: Callable[[int], None]) -> Iterator[bytes]:
    try:
        if kind(path) == ".parquet":
            yield from _parquet(path, advance)
            return
        with opened(path) as (raw, file):
            position = 0
            found = _of_kind(kind(path), file)
            for number, value in enumerate(found):
                if number % BATCH_RECORDS == 0 and path != STDIN:
                    advance(raw.tell() - position)
                    position = raw.tell()
                yield value
            if path != STDIN:
                advance(raw.tell() - position)
    except (*DAMAGES, csv.Error) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error


def _of_kind(kind_: str, file: io.BufferedReader) -> Iterator[bytes]:
    if kind_ in BINARY:
        return binary(file)
    text = recoded(file)
    return (row for _, row in csv_rows(text)) if kind_ == ".csv" else values(text)


def _parquet(path: Path, advance: Callable[[int], None]) -> Iterator[bytes]:
    # It is compressed inside, and read from its end: never from standard input or a .gz.
    size, reported = path.stat().st_size, 0
    with path.open("rb") as file:
        for number, (value, share) in enumerate(parquet_rows(path, file)):
            if number % BATCH_RECORDS == 0 or share == 1:
                advance(int(size * share) - reported)
                reported = int(size * share)
            yield value
