"""Finds the slots of many keys at once: a hash table whose keys are columns of somebody else.

Open addressing with linear probing (Knuth, TAOCP 3, 6.4), one probe of all keys at a time. Beside
a dict of Python numbers it takes a tenth of the memory and no step of the interpreter for a key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.batch import Array

_EMPTY: Final = -1
_GONE: Final = -2  # something was here: whatever was put behind it still is
_FIRST_PLACES: Final = 64
_WORD_BITS: Final = 64
#: Two odd numbers that spread over 64 bits (the finaliser of MurmurHash3).
_SPREAD: Final = np.uint64(0xFF51AFD7ED558CCD)
_AGAIN: Final = np.uint64(0xC4CEB9FE1A85EC53)
_HALF: Final = np.uint64(32)


class Columns(Protocol):
    """Whoever has the keys."""

    def __getitem__(self, name: str, /) -> Array:
        """Return what the slots have under a name, shape ``(capacity,)``."""
        ...


class SlotIndex:
    """Slots of ``columns`` by the values that they have there under some names, their key."""

    def __init__(self, columns: Columns, key: Sequence[str]) -> None:
        """Start with no slot, whatever the columns hold."""
        self._columns: Final = columns
        self._key: Final = tuple(key)
        self._slots = np.full(_FIRST_PLACES, _EMPTY, np.int32)
        self._taken = 0  # places that are not empty

    def find(self, *key: Array) -> Array:
        """Return the slot of each key, -1 where there is none; shape ``(n,)``, i8."""
        place = self._first_place(key)
        slots = self._slots[place]
        same = self._same(slots, key)
        found = np.where(same, slots, np.int64(-1))
        # Most are found, or missed, at once.
        left = (~same & (slots != _EMPTY)).nonzero()[0]
        place = place[left]
        while len(left):
            place = self._next(place)
            slots = self._slots[place]
            same = self._same(slots, [part[left] for part in key])
            found[left[same]] = slots[same]
            on = (~same & (slots != _EMPTY)).nonzero()[0]
            left, place = left[on], place[on]
        return found

    def add(self, slots: Array) -> None:
        """Add slots whose keys are in the columns, are distinct and not here yet."""
        self._make_room(len(slots))
        place = self._first_place([self._columns[name][slots] for name in self._key])
        while len(slots):
            here = self._slots[place]
            free = here < 0
            self._slots[place[free]] = slots[free]
            # Of several at one place the last stays; the others go on with the next.
            lost = self._slots[place] != slots
            self._taken += int(np.count_nonzero((here == _EMPTY) & ~lost))
            slots, place = slots[lost], self._next(place[lost])

    def remove(self, slots: Array) -> None:
        """Remove slots that are here; their keys have to be in the columns still."""
        place = self._first_place([self._columns[name][slots] for name in self._key])
        while len(slots):
            found = self._slots[place] == slots
            self._slots[place[found]] = _GONE
            slots, place = slots[~found], self._next(place[~found])

    def _first_place(self, key: Sequence[Array]) -> Array:
        mixed = np.zeros(len(key[0]), np.uint64)
        for part in key:
            mixed = (mixed ^ part.astype(np.uint64)) * _SPREAD
            mixed ^= mixed >> _HALF
        shift = np.uint64(_WORD_BITS - len(self._slots).bit_length() + 1)
        return np.asarray(((mixed * _AGAIN) >> shift).astype(np.int64))

    def _same(self, slots: Array, key: Sequence[Array]) -> Array:
        """Say of each slot (-1 and less: none) whether it has its key, shape ``(n,)``."""
        same = slots >= 0
        for name, part in zip(self._key, key, strict=True):
            same &= self._columns[name][slots] == part
        return same

    def _next(self, place: Array) -> Array:
        return (place + 1) & (len(self._slots) - 1)

    def _make_room(self, count: int) -> None:
        """Keep at least half of the places empty, so that few probes are needed."""
        if 2 * (self._taken + count) <= len(self._slots):
            return
        slots = self._slots[self._slots >= 0].astype(np.int64)
        places = len(self._slots)
        while 3 * (len(slots) + count) > places:  # or what is gone would soon fill it again
            places *= 2
        self._slots = np.full(places, _EMPTY, np.int32)
        self._taken = 0
        self.add(slots)
