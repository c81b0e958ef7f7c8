"""One fetched record set of a topic partition as one message; it interprets no record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faust.types import TP

from stream.core.drill import signature_of
from stream.core.records import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiokafka import ConsumerRecord

__all__ = ["TP", "RecordBatch", "batch_of"]


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Consecutive records of a partition.

    ``start`` is the consumer's position before them: it differs from the first offset where the
    log has gaps (compaction, transactions). ``epoch`` numbers the seek that they were read after.
    """

    tp: TP
    start: int
    records: Sequence[Record]
    epoch: int

    @property
    def next_offset(self) -> int:
        """Return the offset after the last record."""
        return self.records[-1].offset + 1

    @property
    def value_bytes(self) -> int:
        """Return the size of the records' values."""
        return sum(len(record.value) for record in self.records)


def batch_of(tp: TP, start: int, records: Sequence[ConsumerRecord], epoch: int) -> RecordBatch:
    """Return the batch of a fetched record set (not empty)."""
    return RecordBatch(
        tp,
        start,
        [
            Record(
                record.offset,
                # Some producers store -1: no timestamp.
                record.timestamp / 1000 if record.timestamp and record.timestamp > 0 else None,
                record.value or b"",
                signature_of(record.headers) if record.headers else None,
            )
            for record in records
        ],
        epoch,
    )
