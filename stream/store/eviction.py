"""Which rows of a full table are evicted: segmented LRU, by a priority of the caller's.

Rows that keys invented by an attacker take must not push out those of known keys. So there are two
segments, as in 2Q (Johnson and Shasha, VLDB 1994) and its successors (S3-FIFO, Yang et al.,
SOSP 2023)::

    |  protected: came back after a while              | probationary |
    0                                         three quarters       full

A flood of new keys pushes out probationary rows. Protected rows go, those of the lowest priority
first, only while they take more than their three quarters: new keys need room to become protected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stream.core.batch import Floats, Slots

#: One in four rows of a full table is reserved for probationary rows (2Q: a quarter).
_PROBATIONARY: Final = 4
#: One in 64 rows goes at once: choosing the lowest takes a pass over all (assumed).
_SPARE: Final = 64


def quotas(
    *, needed: int, probationary: int, protected: int, incoming: int, max_rows: int
) -> tuple[int, int]:
    """Return how many probationary and how many protected rows go, so that ``needed`` do.

    ``probationary`` and ``protected`` count the rows that may go; ``incoming`` are probationary
    rows that stay or come.
    """
    ahead = probationary + incoming - max_rows // _PROBATIONARY
    most = needed + max_rows // _SPARE
    first = min(max(ahead, needed - protected, 0), probationary, most)
    return first, 0 if first >= needed else min(most - first, protected)


def lowest(
    candidates: Slots, priority: Floats, count: int, names: Callable[[Slots], Sequence[str]]
) -> Slots:
    """Return the ``count`` candidates of the lowest priority, shape ``(count,)``.

    Ties go by name, so that two workers with the same state evict the same rows.
    """
    if not count:
        return candidates[:0]
    threshold = np.partition(priority, count - 1)[count - 1]
    below = candidates[priority < threshold]
    ties = candidates[priority == threshold]
    tied = np.array(sorted(range(len(ties)), key=names(ties).__getitem__), np.int64)
    return np.append(below, ties[tied[: count - len(below)]])
