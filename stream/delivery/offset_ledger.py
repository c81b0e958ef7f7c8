"""Which records of the alerts topic are finished, so that no commit passes an unfinished one.

::

    offsets   4  5  6  7  8        4, 5 and 7 are finished: 6 may be committed as next,
    done      x  x  .  x  .        7 has overtaken 6 and would be read again after a crash
"""

from __future__ import annotations


class OffsetLedger:
    """Offsets of one consumer by partition; mutable, no I/O."""

    def __init__(self) -> None:
        """Start without any partition."""
        self._open: dict[int, dict[int, bool]] = {}  # partition -> offset, ascending -> done
        self._next: dict[int, int] = {}  # next offset to commit
        self._committed: dict[int, int] = {}
        self._read: dict[int, int] = {}  # offset after the last record begun

    @property
    def held(self) -> int:
        """Return how many records a crash would repeat: unfinished ones and what overtook them."""
        return sum(len(offsets) for offsets in self._open.values())

    @property
    def unfinished(self) -> int:
        """Return how many records are unfinished."""
        return sum(not done for offsets in self._open.values() for done in offsets.values())

    def begin(self, partition: int, offset: int) -> None:
        """Note a record that was read; offsets of a partition ascend, gaps are normal."""
        self._open.setdefault(partition, {})[offset] = False
        self._read[partition] = offset + 1

    def finish(self, partition: int, offset: int) -> None:
        """Note that a record is finished."""
        offsets = self._open[partition]
        offsets[offset] = True
        while offsets:
            oldest = next(iter(offsets))
            if not offsets[oldest]:
                break
            del offsets[oldest]
            self._next[partition] = oldest + 1

    def committable(self) -> dict[int, int]:
        """Return partition -> next offset, where that has moved since the last commit."""
        return {p: o for p, o in self._next.items() if self._committed.get(p) != o}

    def committed(self, offsets: dict[int, int]) -> None:
        """Note what was committed."""
        self._committed.update(offsets)

    def read_until(self, partition: int) -> int | None:
        """Return the offset after the last record read, None before the first."""
        return self._read.get(partition)

    def forget(self, partition: int) -> None:
        """Forget one partition: its offsets start again."""
        for part in (self._open, self._next, self._committed, self._read):
            part.pop(partition, None)

    def clear(self) -> None:
        """Forget everything, as when the partitions go to another worker."""
        for part in (self._open, self._next, self._committed, self._read):
            part.clear()
