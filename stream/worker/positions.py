"""Up to where each partition is processed; nothing is lost or taken twice on the way to a stage.

Faust may drop or repeat messages around a rebalance. Carriers are chained by the offsets they
start and end at, so a repetition is cut off here and a hole is an error instead of a loss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.core.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stream.core.records import Record
    from stream.worker.carrier import TP, Carrier


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
        """Drop partitions that are no longer ours."""
        for tp in list(tps):
            self._next.pop(tp, None)
            self._written_s.pop(tp, None)

    def get(self, tp: TP) -> int | None:
        """Return the next offset to process, or None for a partition that is not ours."""
        return self._next.get(tp)

    def written_s(self, tp: TP) -> float | None:
        """Return when the record at the position, or the last one before, was written.

        Epoch seconds; None when it does not say so.
        """
        return self._written_s.get(tp)

    def found(self, tp: TP, written_s: float | None) -> None:
        """Note when the first record at hand was written: nothing is processed before it yet."""
        if tp in self._next:
            self._written_s.setdefault(tp, written_s)

    def fresh(self, carrier: Carrier) -> Sequence[Record]:
        """Return the records not yet processed; raises StateError when some before are missing."""
        position = self._next.get(carrier.tp)
        if position is None or carrier.next_offset <= position:
            return ()
        if carrier.start > position:
            raise StateError(
                f"{carrier.tp.topic}[{carrier.tp.partition}]: records {position} to "
                f"{carrier.start - 1} were never delivered; start the worker again, it resumes "
                "before them"
            )
        if carrier.records[0].offset >= position:
            return carrier.records
        return [record for record in carrier.records if record.offset >= position]

    def advance(self, carrier: Carrier) -> None:
        """Say that everything in the carrier is processed."""
        if carrier.tp in self._next:
            self._next[carrier.tp] = max(self._next[carrier.tp], carrier.next_offset)
            self._written_s[carrier.tp] = carrier.records[-1].timestamp_s

    def all(self) -> dict[TP, int]:
        """Return every partition's next offset."""
        return dict(self._next)
