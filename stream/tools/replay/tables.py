"""Rows of tables, CSV with a header and Parquet, as the JSON objects that gateways would write."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO, Final, get_type_hints

import msgspec

from stream.core.errors import UsageError
from stream.intake.codec.event import RequestEvent
from stream.tools.replay.json_values import MAX_VALUE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BATCH_ROWS: Final = 8192
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")
_TRUTH: Final = {"true": True, "false": False}
#: Columns of the canonical format that hold text; any other of its columns holds none.
_TEXT: Final = frozenset(
    name for name, hint in get_type_hints(RequestEvent).items() if hint in {str, str | None}
)
_CANONICAL: Final = frozenset(RequestEvent.__struct_fields__)

#: What pyarrow raises for text that is no UTF-8, times beyond Python's and unknown time zones.
_UNREADABLE: Final = (ValueError, OverflowError, KeyError)

_encode = msgspec.json.Encoder(decimal_format="number").encode


def csv_rows(file: io.BufferedReader) -> Iterator[tuple[int, bytes]]:
    """Yield the rows of CSV with a header, each with its last line; empty cells are left out.

    Cells are text, as all formats but the canonical one take numbers. A row that is longer than
    the header is no JSON, so that intake rejects it.
    """
    csv.field_size_limit(MAX_VALUE_BYTES)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")
    reader = csv.DictReader(text)
    try:
        for row in reader:
            if None in row:
                yield (
                    reader.line_num,
                    f"a row of {reader.line_num} is longer than the header".encode(),
                )
                continue
            cells = {name: _cell(name, cell) for name, cell in row.items() if cell}
            yield reader.line_num, _encode(cells)
    finally:
        text.detach()


def parquet_rows(
    path: Path, file: BinaryIO, *, batch_rows: int = _BATCH_ROWS
) -> Iterator[tuple[bytes, float]]:
    """Yield the rows of a Parquet file, each with the share of the file that is read by then.

    ``batch_rows`` of them are in memory at a time.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        raise UsageError(
            f"{path}: Parquet needs pyarrow: pip install 'distillwatch[parquet]'"
        ) from None
    try:
        table = parquet.ParquetFile(file)
        total, read = table.metadata.num_rows, 0
        for batch in table.iter_batches(batch_size=batch_rows):
            for row in _rows(_in_microseconds(batch, pa)):
                read += 1
                yield _encode(_known(row)), read / total
    except MemoryError:
        raise UsageError(f"{path}: some of its rows take too much memory") from None
    except (pa.ArrowException, OSError) as error:
        raise UsageError(f"{path}: not Parquet: {error}") from error


def _rows(batch: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - of pyarrow
    """Return the rows of a batch; where it has what Python cannot hold, cell by cell."""
    try:
        return list(batch.to_pylist())
    except _UNREADABLE:
        columns = zip(batch.schema.names, batch.columns, strict=True)
        cells = {name: [_readable(cell) for cell in column] for name, column in columns}
        return [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]


def _readable(cell: Any) -> Any:  # noqa: ANN401 - of pyarrow
    """Return what Python can hold of a cell: bytes that are no UTF-8 replaced, no odd times."""
    try:
        return cell.as_py()
    except _UNREADABLE:
        pass
    if hasattr(cell, "as_buffer"):
        return cell.as_buffer().to_pybytes().decode("utf-8", "replace")
    if hasattr(cell, "dictionary"):
        return _readable(cell.value)
    if hasattr(cell, "items"):
        return {name: _readable(part) for name, part in cell.items()}
    parts = getattr(cell, "values", None)
    return None if parts is None else [_readable(part) for part in parts]


def _in_microseconds(batch: Any, pa: Any) -> Any:  # noqa: ANN401 - of pyarrow
    """Return a batch whose times fit Python's."""
    schema = batch.schema
    for i, field in enumerate(schema):
        if pa.types.is_timestamp(field.type):
            schema = schema.set(i, field.with_type(pa.timestamp("us", field.type.tz)))
    return batch.cast(schema, safe=False)


def _cell(name: str, cell: str) -> Any:  # noqa: ANN401 - text, number or truth
    if name not in _CANONICAL or name in _TEXT:
        return cell
    if _NUMBER.fullmatch(cell):
        return msgspec.Raw(cell.encode())
    return _TRUTH.get(cell.lower(), cell)


def _known(row: dict[str, Any]) -> dict[str, Any]:
    """Return what a row knows; a time without a zone is UTC."""
    return {name: _timed(value) for name, value in row.items() if value is not None}


def _timed(value: Any) -> Any:  # noqa: ANN401 - any value
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value
