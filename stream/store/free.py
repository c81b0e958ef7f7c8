"""Which slots of a table are free; knows nothing of what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from stream.core.batch import Array


class FreeSlots:
    """Gives out slots: first those that were given back, the last one first, then unused ones."""

    def __init__(self) -> None:
        """Start with every slot free, as many as there may be."""
        self._back = np.zeros(0, np.int64)
        self._next = 0

    def __len__(self) -> int:
        """Return how many slots are taken."""
        return self._next - len(self._back)

    def take(self, count: int) -> Array:
        """Return ``count`` slots, none of them beyond as many as were ever taken at once."""
        again = min(count, len(self._back))
        left = len(self._back) - again
        again_slots, self._back = self._back[left:][::-1], self._back[:left].copy()
        fresh = np.arange(self._next, self._next + count - again)
        self._next += len(fresh)
        return np.concatenate([again_slots, fresh])

    def give(self, slots: Array) -> None:
        """Take slots back."""
        self._back = np.concatenate([self._back, slots])
