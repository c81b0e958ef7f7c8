"""Batches of records as bytes, read; the class is compiled, where it can be."""

from typing import Any

MemoryRecords: Any
