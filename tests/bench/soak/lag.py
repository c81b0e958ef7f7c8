"""How old the oldest uncommitted record is, from the ends of partitions over time."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Looks that are remembered of a partition: two hours of one each ten seconds.
_REMEMBERED: Final = 720


class LagClock:
    """Remembers when each partition had how many records.

    The figure is at most one look too high: a record is as old as the look before it was seen.
    """

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._ends: dict[str, deque[tuple[float, int]]] = {}

    def look(self, at_s: float, ends: Mapping[str, int], committed: Mapping[str, int]) -> float:
        """Return the age in seconds of the oldest record that is not committed; 0 without any."""
        oldest = at_s
        for partition, end in ends.items():
            known = self._ends.setdefault(partition, deque([(at_s, 0)], maxlen=_REMEMBERED))
            if end > known[-1][1]:
                known.append((at_s, end))
            done = committed.get(partition, 0)
            # The last look at which the record at `done` was not there yet.
            while len(known) > 1 and known[1][1] <= done:
                known.popleft()
            if end > done:
                oldest = min(oldest, known[0][0])
        return at_s - oldest
