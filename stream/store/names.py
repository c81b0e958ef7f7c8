"""The names that slots have, and the slots of many names at once.

A name is found by the interpreter's own hash of it, 64 bits and keyed anew for each process: that
two of a million names are taken for one has a chance of three in a hundred million.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.store.index import SlotIndex

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.batch import Array

_FIRST_CAPACITY: Final = 64


class Names:
    """Names by slot; a dict of them would take four times the memory, and a miss for each."""

    def __init__(self) -> None:
        """Start with no name."""
        self._names: list[str | None] = [None] * _FIRST_CAPACITY
        self._hashes = np.zeros(_FIRST_CAPACITY, np.int64)
        self._index: Final = SlotIndex(self, ("hash",))
        self._count = 0

    def __len__(self) -> int:
        """Return how many slots have a name."""
        return self._count

    def __getitem__(self, _: str) -> Array:
        """Return the hashes by slot, which the index looks names up by."""
        return self._hashes

    def find(self, names: Sequence[str]) -> Array:
        """Return the slots of names, -1 for those that are not here; shape ``(n,)``, i8."""
        return self._index.find(_hashed(names))

    def of(self, slots: Array) -> list[str]:
        """Return the names of slots; raises KeyError for one without."""
        names = [self._names[slot] for slot in slots.tolist()]
        if None in names:
            raise KeyError(slots)
        return names

    def put(self, slots: Array, names: Sequence[str]) -> None:
        """Give new names, each once, to slots without one."""
        lacking = int(slots.max(initial=-1)) + 1 - len(self._names)
        if lacking > 0:
            self._names += [None] * max(lacking, len(self._names))
            self._hashes = np.concatenate(
                [self._hashes, np.zeros(len(self._names) - len(self._hashes), np.int64)]
            )
        for slot, name in zip(slots.tolist(), names, strict=True):
            self._names[slot] = name
        self._hashes[slots] = _hashed(names)
        self._index.add(slots)
        self._count += len(slots)

    def remove(self, slots: Array) -> None:
        """Take the names of slots away."""
        self._index.remove(slots)
        for slot in slots.tolist():
            self._names[slot] = None
        self._count -= len(slots)


def _hashed(names: Sequence[str]) -> Array:
    return np.fromiter(map(hash, names), np.int64, len(names))
