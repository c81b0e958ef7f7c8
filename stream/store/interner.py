"""Strings as slots: one slot for each distinct string, and the slots of many strings at once.

A string is found by the interpreter's own hash of it, 64 bits with a key of the process: that two
of a million strings are taken for one has a chance of three in a hundred million.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.store.hash_index import HashIndex

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.batch import Array, Slots

_FIRST_CAPACITY: Final = 64


class Interner:
    """Names by slot; a dict of them takes four times the memory, and a cache miss for each."""

    def __init__(self) -> None:
        """Start with no name."""
        self._names: list[str | None] = [None] * _FIRST_CAPACITY
        self._hashes = np.zeros(_FIRST_CAPACITY, np.int64)
        self._index: Final = HashIndex(self, ("hash",))
        self._count = 0

    def __len__(self) -> int:
        """Return how many slots have a name."""
        return self._count

    def __getitem__(self, _: str) -> Array:
        """Return the hashes by slot: the key column of the index."""
        return self._hashes

    def find(self, names: Sequence[str]) -> Slots:
        """Return the slots of names, -1 for unknown ones; shape ``(n,)``, i8."""
        return self._index.find(_hashed(names))

    def names(self, slots: Slots) -> list[str]:
        """Return the names of slots; raises KeyError for a slot without one."""
        names = [self._names[slot] for slot in slots.tolist()]
        if None in names:
            raise KeyError(slots)
        return names

    def add(self, slots: Slots, names: Sequence[str]) -> None:
        """Give new names, each once, to slots without one."""
        missing = int(slots.max(initial=-1)) + 1 - len(self._names)
        if missing > 0:
            self._names += [None] * max(missing, len(self._names))
            self._hashes = np.concatenate(
                [self._hashes, np.zeros(len(self._names) - len(self._hashes), np.int64)]
            )
        for slot, name in zip(slots.tolist(), names, strict=True):
            self._names[slot] = name
        self._hashes[slots] = _hashed(names)
        self._index.add(slots)
        self._count += len(slots)

    def remove(self, slots: Slots) -> None:
        """Remove the names of slots."""
        self._index.remove(slots)
        for slot in slots.tolist():
            self._names[slot] = None
        self._count -= len(slots)


def _hashed(names: Sequence[str]) -> Array:
    return np.fromiter(map(hash, names), np.int64, len(names))
