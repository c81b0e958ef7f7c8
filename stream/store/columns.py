"""Rows in numpy columns, allocated and released; does not know their meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from stream.store.free_list import FreeList

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.core.batch import Array, Mask, Slots

_FIRST_CAPACITY: Final = 256


@dataclass(frozen=True, slots=True)
class Field:
    """A value of each row: its dtype, its shape beside the slot axis, what a new row has."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...] = ()
    initial: float = 0


class ColumnStore:
    """One array per field, shape ``(capacity, *shape)``; a slot is the position of a row in it.

    Arrays are replaced when the store grows: get them from the store at each use.
    """

    def __init__(self, fields: Iterable[Field], *, max_rows: int | None = None) -> None:
        """Declare the fields; nothing is allocated beyond a first small capacity.

        The capacity doubles, up to ``max_rows``; it grows beyond only if more rows are in use.
        """
        fields = tuple(fields)
        self._max_rows = max_rows
        self._arrays: Final = {
            field.name: np.zeros((_FIRST_CAPACITY, *field.shape), field.dtype) for field in fields
        }
        self._initial: Final = {field.name: field.initial for field in fields}
        self._used = np.zeros(_FIRST_CAPACITY, bool)
        self._free: Final = FreeList()

    def __getitem__(self, name: str) -> Array:
        """Return the array of a field."""
        return self._arrays[name]

    def __len__(self) -> int:
        """Return how many rows are in use."""
        return len(self._free)

    @property
    def used(self) -> Mask:
        """Return which slots are in use, shape ``(capacity,)``."""
        return self._used

    @property
    def in_use(self) -> Slots:
        """Return the slots in use, ascending, shape ``(n,)``, i8."""
        return np.flatnonzero(self._used)

    @property
    def nbytes(self) -> int:
        """Return the size of the arrays in bytes."""
        return sum(array.nbytes for array in self._arrays.values())

    def allocate(self, count: int, *, initialise: bool = True) -> Slots:
        """Return ``count`` new rows with initial values, shape ``(count,)``, i8.

        Without ``initialise`` their values are undefined: the caller writes every field.
        """
        if len(self) + count > len(self._used):
            self._grow(len(self) + count)
        slots = self._free.allocate(count)
        self._used[slots] = True
        if initialise:
            self.reset(slots, self._arrays)
        return slots

    def reset(self, slots: Slots, names: Iterable[str]) -> None:
        """Give fields of rows their initial values again."""
        for name in names:
            self._arrays[name][slots] = self._initial[name]

    def release(self, slots: Slots) -> None:
        """Give rows back."""
        self._used[slots] = False
        self._free.release(slots)

    def _grow(self, needed: int) -> None:
        old = len(self._used)
        capacity = max(needed, 2 * old)
        if self._max_rows is not None and needed <= self._max_rows:
            capacity = min(capacity, self._max_rows)
        self._used = np.concatenate([self._used, np.zeros(capacity - old, bool)])
        for name, array in self._arrays.items():
            # Zeros take no memory before something is written there.
            grown = np.zeros((capacity, *array.shape[1:]), array.dtype)
            grown[:old] = array
            self._arrays[name] = grown
