"""The position of each partition: no record is lost or processed twice on its way to a stage.

Faust may drop or repeat messages around a rebalance. Record batches are chained by the offsets at
which they start and end, so repeated records are cut off here and a gap is an error, not a loss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.core.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stream.core.records import Record
    from stream.worker.record_batch import TP, RecordBatch


class Positions:
    """The next offset to process, per partition, and when the last processed record was written."""

    def __init__(self) -> None:
        """Start with no partition."""
        self._next: dict[TP, int] = {}
        self._written_s: dict[TP, float | None] = {}

    def set(self, positions: Mapping[TP, int]) -> None:
        """Start reading these partitions at these offsets."""
        self._next.update(positions)

    def forget(self, tps: Iterable[TP]) -> None:
        """Drop partitions that this worker does not own any more."""
        for tp in list(tps):
            self._next.pop(tp, None)
            self._written_s.pop(tp, None)

    def get(self, tp: TP) -> int | None:
        """Return the next offset to process, or None for a partition that is not owned."""
        return self._next.get(tp)

    def written_s(self, tp: TP) -> float | None:
        """Return when the record at the position, or the last one before, was written.

        Epoch seconds; None when the record has no timestamp.
        """
        return self._written_s.get(tp)

    def found(self, tp: TP, written_s: float | None) -> None:
        """Record when the first fetched record was written, if none was processed before it."""
        if tp in self._next:
            self._written_s.setdefault(tp, written_s)

    def unprocessed(self, batch: RecordBatch) -> Sequence[Record]:
        """Return the records not processed yet; raises StateError when earlier ones are missing."""
        position = self._next.get(batch.tp)
        if position is None or batch.next_offset <= position:
            return ()
        if batch.start > position:
            raise StateError(
                f"{batch.tp.topic}[{batch.tp.partition}]: records {position} to "
                f"{batch.start - 1} were never delivered; start the worker again, it resumes "
                "before them"
            )
        if batch.records[0].offset >= position:
            return batch.records
        return [record for record in batch.records if record.offset >= position]

    def advance(self, batch: RecordBatch) -> None:
        """Move the position behind the batch."""
        if batch.tp in self._next:
            self._next[batch.tp] = max(self._next[batch.tp], batch.next_offset)
            self._written_s[batch.tp] = batch.records[-1].timestamp_s

    def all(self) -> dict[TP, int]:
        """Return every partition's next offset."""
        return dict(self._next)
