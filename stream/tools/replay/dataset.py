"""The texts of a data set with their rows: JSON, CSV, Parquet or plain text, as a stream.

A row that cannot be read is counted, and the next one is read. Memory is bounded by the longest row
that is read, whatever the file has.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from stream.core.errors import UsageError
from stream.tools.replay.bounded_memory import bounded_memory
from stream.tools.replay.compressed import DAMAGES, kind, opened
from stream.tools.replay.dataset_rows import (
    Row,
    blocks,
    csv_values,
    expanding,
    json_values,
    numbered,
)
from stream.tools.replay.dataset_texts import RowTexts
from stream.tools.replay.recoded import recoded
from stream.tools.replay.tables import parquet_rows

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from stream.core.batch import Positions

#: Texts that are passed on at a time, and characters of them from which on no more are added.
_PORTION_TEXTS: Final = 2_000
_PORTION_CHARACTERS: Final = 2**20
#: Rows of which is known that they were read, as 64-bit hashes; then all are forgotten.
_MOST_KNOWN: Final = 2**20
_PARQUET_ROWS: Final = 256
_REPORT_EVERY: Final = 1_000
_MOST_ROWS: Final = 2**32 - 1
#: Rows from which on they are compared with the file's bytes, and how many a byte may have.
#: Assumed: only a file that was made to keep readers busy has as many (of nothing, or of one row).
_MANY_ROWS: Final = 10_000_000
_ROWS_A_BYTE: Final = 10
_JSON: Final = frozenset({".json", ".jsonl", ".ndjson"})
_TEXT: Final = frozenset({".txt", ".text", ".md"})
_HEAD_BYTES: Final = 4096


class TextPortion(NamedTuple):
    """Texts, and the row of each, from 1 and ascending, shape ``(n,)``, u4."""

    texts: list[str]
    rows: Positions


class DatasetReader:
    """Reads one file once, and counts; ``rows`` are all rows, ``unread`` those without a value."""

    def __init__(
        self,
        path: Path,
        columns: Sequence[str] = (),
        *,
        advance: Callable[[int], None] = lambda _: None,
    ) -> None:
        """``columns``: the fields of a row that are read, none: every one with enough text.

        ``advance`` is called with the raw bytes read. Raises UsageError when there is no such file.
        """
        if not path.is_file():
            raise UsageError(f"{path}: no such file")
        self._path = path
        of_its_size = max(_MANY_ROWS, _ROWS_A_BYTE * path.stat().st_size)
        self._most_rows = min(_MOST_ROWS, of_its_size)
        self._texts = RowTexts(columns)
        self._advance = advance
        self._known: set[int] = set()
        self.format, self.rows_are = "", ""
        self.rows = self.repeated = self.unread = self.texts = 0

    def portions(self) -> Iterator[TextPortion]:
        """Yield the texts of all rows; raises UsageError when the file cannot be read."""
        texts: list[str] = []
        rows: list[int] = []
        characters = 0
        for row in self._rows():
            for text in self._of_row(row):
                texts.append(text)
                rows.append(row.number)
                characters += len(text)
            if len(texts) >= _PORTION_TEXTS or characters >= _PORTION_CHARACTERS:
                yield self._portion(texts, rows)
                texts, rows, characters = [], [], 0
        if texts:
            yield self._portion(texts, rows)

    def _portion(self, texts: list[str], rows: list[int]) -> TextPortion:
        self.texts += len(texts)
        return TextPortion(texts, np.array(rows, np.uint32))

    def _of_row(self, row: Row) -> Sequence[str]:
        self.rows += 1
        if self.rows > self._most_rows:
            raise UsageError(f"{self._path}: more than {self._most_rows:,} rows: split it")
        if row.value is None:
            self.unread += 1
            return ()
        name = hash(row.value)
        if name in self._known:
            self.repeated += 1
            return ()
        if len(self._known) == _MOST_KNOWN:
            self._known.clear()
        self._known.add(name)
        if self.format == "text":
            return self._texts.of_text(row.value)
        texts = self._texts.of_json(row.value)
        self.unread += texts is None
        return texts or ()

    def _rows(self) -> Iterator[Row]:
        try:
            if kind(self._path) == ".parquet" or _begins(self._path) == b"PAR1":
                yield from self._parquet()
                return
            with bounded_memory(), opened(self._path) as (raw, file):
                position = 0
                content = recoded(expanding(self._path, raw, file))
                for count, row in enumerate(self._of_file(content)):
                    if count % _REPORT_EVERY == 0:
                        self._advance(raw.tell() - position)
                        position = raw.tell()
                    yield row
                self._advance(raw.tell() - position)
        except MemoryError:
            raise UsageError(f"{self._path}: takes too much memory: split it") from None
        except (*DAMAGES, csv.Error) as error:
            raise UsageError(f"{self._path}: cannot be read: {error}") from error

    def _of_file(self, file: io.BufferedReader) -> Iterator[Row]:
        head = file.peek(_HEAD_BYTES)[:_HEAD_BYTES]
        suffix = kind(self._path)
        if b"\0" in head:
            raise UsageError(
                f"{self._path}: binary; expected JSON, CSV, Parquet or text (.gz, .xz, .zst)"
            )
        if suffix == ".csv":
            self.format, self.rows_are = "csv", "rows after the header"
            return csv_values(file)
        if suffix in _JSON or (suffix not in _TEXT and head.lstrip()[:1] in {b"{", b"["}):
            self.format = "json"
            if suffix != ".json" and head.lstrip()[:1] != b"[":
                self.rows_are = "lines"
                return numbered(file)
            self.rows_are = "values"
            return json_values(file)
        self.format, self.rows_are = "text", "lines, each block of text by its first one"
        return blocks(file)

    def _parquet(self) -> Iterator[Row]:
        self.format, self.rows_are = "parquet", "rows"
        size, reported = self._path.stat().st_size, 0
        with self._path.open("rb") as file, bounded_memory():
            for value, share in parquet_rows(self._path, file, batch_rows=_PARQUET_ROWS):
                yield Row(self.rows + 1, value)
                if self.rows % _PARQUET_ROWS == 0 or share == 1:
                    self._advance(int(size * share) - reported)
                    reported = int(size * share)


def _begins(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)
