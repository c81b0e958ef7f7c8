"""Which slots of a store are free; does not know their content."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from stream.core.batch import Slots


class FreeList:
    """Allocates slots: first those released, the last one first, then unused ones."""

    def __init__(self) -> None:
        """Start with every slot free; there is no upper limit."""
        self._released: Slots = np.zeros(0, np.int64)
        self._next = 0

    def __len__(self) -> int:
        """Return how many slots are allocated."""
        return self._next - len(self._released)

    def allocate(self, count: int) -> Slots:
        """Return ``count`` slots, i8, each below the most that were ever allocated at once."""
        reused = min(count, len(self._released))
        left = len(self._released) - reused
        reused_slots, self._released = self._released[left:][::-1], self._released[:left].copy()
        unused = np.arange(self._next, self._next + count - reused)
        self._next += len(unused)
        return np.concatenate([reused_slots, unused])

    def release(self, slots: Slots) -> None:
        """Make slots free again."""
        self._released = np.concatenate([self._released, slots])
