"""Columns with slots that are taken and released; knows nothing of what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.store.free import FreeSlots

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.core.batch import Array
    from stream.store.slots import Field

_FIRST_CAPACITY: Final = 256


class Columns:
    """One array per field, shape ``(capacity,)``, and which slots are in use.

    Arrays are replaced when the columns grow: take them anew at each use.
    """

    def __init__(self, fields: Iterable[Field]) -> None:
        """Declare the fields."""
        fields = tuple(fields)
        self._initial: Final = {field.name: field.initial for field in fields}
        self._arrays = {field.name: np.zeros(_FIRST_CAPACITY, field.dtype) for field in fields}
        self.used = np.zeros(_FIRST_CAPACITY, bool)
        self._free: Final = FreeSlots()

    def __getitem__(self, name: str) -> Array:
        """Return the array of a field."""
        return self._arrays[name]

    def __len__(self) -> int:
        """Return how many slots are in use."""
        return len(self._free)

    @property
    def slots(self) -> Array:
        """Return the slots in use, ascending, shape ``(n,)``, i8."""
        return np.flatnonzero(self.used)

    def take(self, count: int) -> Array:
        """Return ``count`` fresh slots with initial values, shape ``(count,)``, i8."""
        while len(self) + count > len(self.used):
            self._grow()
        taken = self._free.take(count)
        self.used[taken] = True
        self.reset(taken, self._arrays)
        return taken

    def reset(self, slots: Array, names: Iterable[str]) -> None:
        """Give fields their initial values again."""
        for name in names:
            self._arrays[name][slots] = self._initial[name]

    def release(self, slots: Array) -> None:
        """Give slots back."""
        self.used[slots] = False
        self._free.give(slots)

    def _grow(self) -> None:
        capacity = len(self.used)
        self.used = np.concatenate([self.used, np.zeros(capacity, bool)])
        for name, array in self._arrays.items():
            # Zeros take no memory before something is written there.
            self._arrays[name] = np.zeros(2 * capacity, array.dtype)
            self._arrays[name][:capacity] = array
