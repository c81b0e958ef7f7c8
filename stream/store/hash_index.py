"""Finds the slots of many keys at once: a hash table whose keys are columns of a store.

Open addressing with linear probing (Knuth, TAOCP 3, 6.4), one probe of all keys at a time. It takes
a tenth of the memory of a dict of Python numbers, and no step of the interpreter for a key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.batch import Array, Mask, Positions, Slots

_EMPTY: Final = -1
_DELETED: Final = -2  # a tombstone: a probe continues behind it
_FIRST_BUCKETS: Final = 64
_WORD_BITS: Final = 64
#: Two odd numbers that spread over 64 bits (the finaliser of MurmurHash3).
_SPREAD: Final = np.uint64(0xFF51AFD7ED558CCD)
_SPREAD_AGAIN: Final = np.uint64(0xC4CEB9FE1A85EC53)
_HALF: Final = np.uint64(32)


class KeyColumns(Protocol):
    """What holds the keys: a ColumnStore, or an Interner for its own hashes."""

    def __getitem__(self, name: str, /) -> Array:
        """Return the values of a field by slot, shape ``(capacity,)`` with room for two at least.

        Empty buckets and tombstones are looked up there, too, as -1 and -2.
        """
        ...


class HashIndex:
    """Slots of ``columns`` by their values of some fields, the key."""

    def __init__(self, columns: KeyColumns, key: Sequence[str]) -> None:
        """Start empty, whatever the columns hold."""
        self._columns: Final = columns
        self._key: Final = tuple(key)
        self._buckets: Slots = np.full(_FIRST_BUCKETS, _EMPTY, np.int32)
        self._filled = 0  # buckets that are not empty, tombstones too

    def find(self, *key: Array) -> Slots:
        """Return the slot of each key, -1 for an unknown key; shape ``(n,)``, i8."""
        bucket = self._first_bucket(key)
        slots = self._buckets[bucket]
        same = self._same(slots, key)
        found = np.where(same, slots, np.int64(-1))
        # The first probe decides for most.
        left = (~same & (slots != _EMPTY)).nonzero()[0]
        bucket = bucket[left]
        while len(left):
            bucket = self._next(bucket)
            slots = self._buckets[bucket]
            same = self._same(slots, [part[left] for part in key])
            found[left[same]] = slots[same]
            undecided = (~same & (slots != _EMPTY)).nonzero()[0]
            left, bucket = left[undecided], bucket[undecided]
        return found

    def add(self, slots: Slots) -> None:
        """Add slots whose keys are in the columns, are distinct and not in the index yet."""
        self._make_room(len(slots))
        bucket = self._first_bucket([self._columns[name][slots] for name in self._key])
        while len(slots):
            before = self._buckets[bucket]
            free = before < 0
            self._buckets[bucket[free]] = slots[free]
            # Of several slots at one bucket the last stays; the others try the next bucket.
            lost = self._buckets[bucket] != slots
            self._filled += int(np.count_nonzero((before == _EMPTY) & ~lost))
            slots, bucket = slots[lost], self._next(bucket[lost])

    def remove(self, slots: Slots) -> None:
        """Remove slots that are in the index; their keys must still be in the columns."""
        bucket = self._first_bucket([self._columns[name][slots] for name in self._key])
        while len(slots):
            found = self._buckets[bucket] == slots
            self._buckets[bucket[found]] = _DELETED
            slots, bucket = slots[~found], self._next(bucket[~found])

    def _first_bucket(self, key: Sequence[Array]) -> Positions:
        mixed = np.zeros(len(key[0]), np.uint64)
        for part in key:
            mixed = (mixed ^ part.astype(np.uint64)) * _SPREAD
            mixed ^= mixed >> _HALF
        shift = np.uint64(_WORD_BITS - len(self._buckets).bit_length() + 1)
        return np.asarray(((mixed * _SPREAD_AGAIN) >> shift).astype(np.int64))

    def _same(self, slots: Slots, key: Sequence[Array]) -> Mask:
        """Return whether each slot (negative: none) has its key, shape ``(n,)``."""
        same = slots >= 0
        for name, part in zip(self._key, key, strict=True):
            same &= self._columns[name][slots] == part
        return same

    def _next(self, bucket: Positions) -> Positions:
        return np.asarray((bucket + 1) & (len(self._buckets) - 1))

    def _make_room(self, count: int) -> None:
        """Keep at least half of the buckets empty, so that few probes are needed."""
        if 2 * (self._filled + count) <= len(self._buckets):
            return
        slots = self._buckets[self._buckets >= 0].astype(np.int64)
        buckets = len(self._buckets)
        while 3 * (len(slots) + count) > buckets:  # else tombstones would soon fill it again
            buckets *= 2
        self._buckets = np.full(buckets, _EMPTY, np.int32)
        self._filled = 0
        self.add(slots)
