"""One fetched record set of a topic partition as one message; it interprets nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faust.types import TP

from stream.core.drill import mark_of
from stream.core.records import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiokafka import ConsumerRecord

__all__ = ["TP", "Carrier", "fold"]


@dataclass(frozen=True, slots=True)
class Carrier:
    """Consecutive records of a partition.

    ``start`` is where the reader stood before them: it differs from the first offset where the
    log has holes (compaction, transactions). ``epoch`` numbers the seek that they were read after.
    """

    tp: TP
    start: int
    records: Sequence[Record]
    epoch: int

    @property
    def next_offset(self) -> int:
        """Return the offset after the last record."""
        return self.records[-1].offset + 1


def fold(tp: TP, start: int, records: Sequence[ConsumerRecord], epoch: int) -> Carrier:
    """Return the carrier of a fetched record set (not empty)."""
    return Carrier(
        tp,
        start,
        [
            Record(
                record.offset,
                # Some producers store -1: no timestamp.
                record.timestamp / 1000 if record.timestamp and record.timestamp > 0 else None,
                record.value or b"",
                mark_of(record.headers) if record.headers else None,
            )
            for record in records
        ],
        epoch,
    )
