"""Batches of records in the formats before headers; the class is compiled, where it can be."""

from typing import Any

LegacyRecordBatch: Any
