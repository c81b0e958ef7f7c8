"""Batches of records as bytes, written; the class is compiled, where it can be."""

from typing import Any

DefaultRecordBatchBuilder: Any
