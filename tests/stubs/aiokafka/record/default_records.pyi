"""Batches of records as bytes, written and read; the writer is compiled, where it can be."""

from typing import Any

DefaultRecordBatch: Any
DefaultRecordBatchBuilder: Any

class _DefaultRecordBatchPy:
    _buffer: bytearray
    next_offset: int
    def __init__(self, buffer: Any) -> None: ...
    def _maybe_uncompress(self) -> None: ...
