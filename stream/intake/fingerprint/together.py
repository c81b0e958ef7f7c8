"""Fingerprints of attributes that come together: an account's address, client and payment.

An account comes again with the same ones, so that whole rows are remembered and one look-up stands
for one in every column. With many accounts the look-ups are what intake waits for: each is several
reads from memory that no cache holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stream.core.batch import Array
    from stream.intake.fingerprint.keyed import KeyedHash

#: Rows remembered; then the memory starts afresh. Each takes 24 bytes and 8 for every column.
REMEMBERED: Final = 131_072
#: Places for each of them, of which a row takes the first that is free from where its mark says:
#: an open hash table with linear probing (Knuth, volume 3, 6.4).
_PLACES: Final = 2
_FREE: Final = -1  # no hash of Python's is that


class Together:
    """Maps rows of values to rows of fingerprints; nothing of a value is kept.

    A row is known by the hash that Python gives it, of 64 bits as the fingerprints are, and keyed
    anew in every process: nobody can make two rows meet.
    """

    def __init__(self, hashes: Mapping[str, KeyedHash]) -> None:
        """Ask ``hashes``, column by column, for rows that are not remembered."""
        self._hashes = hashes
        self._start(0)

    def _start(self, count: int) -> None:
        """Forget everything and make room, for ``count`` rows at least."""
        size = 1 << (_PLACES * max(count, REMEMBERED) - 1).bit_length()
        self._marks: Array = np.full(size, _FREE, np.int64)
        self._at: Array = np.zeros(size, np.int32)
        self._rows: Array = np.zeros((1, len(self._hashes)), np.uint64)
        self._count: int = 0

    def remembered(self, values: Sequence[Sequence[str | None]]) -> dict[str, Array]:
        """Return each column's fingerprints, shape ``(n,)``, u8; ``values`` come in its order."""
        marks = np.fromiter(map(hash, zip(*values, strict=True)), np.int64, len(values[0]))
        places = self._find(marks)
        new = np.flatnonzero(self._marks[places] != marks)
        if len(new):
            self._learn(marks, new, values)
            places = self._find(marks)
        found = np.ascontiguousarray(self._rows[self._at[places]].T)
        return dict(zip(self._hashes, found, strict=True))

    def _find(self, marks: Array) -> Array:
        """Return the place of each mark, or the free one where it belongs."""
        last = len(self._marks) - 1
        places = marks & last
        astray = np.arange(len(marks))
        while True:
            there = self._marks[places[astray]]
            astray = astray[(there != marks[astray]) & (there != _FREE)]
            if not len(astray):
                return np.asarray(places)
            places[astray] = (places[astray] + 1) & last

    def _learn(self, marks: Array, new: Array, values: Sequence[Sequence[str | None]]) -> None:
        if self._count + len(new) > REMEMBERED:
            self._start(len(marks))
            new = np.arange(len(marks))
        fresh, first = np.unique(marks[new], return_index=True)
        first = new[first].tolist()
        rows = [
            hashes.remembered([column[i] for i in first])
            for hashes, column in zip(self._hashes.values(), values, strict=True)
        ]
        end = self._count + len(fresh)
        if end > len(self._rows):
            more = np.zeros((max(end, 2 * len(self._rows)), len(self._hashes)), np.uint64)
            more[: self._count] = self._rows[: self._count]
            self._rows = more
        self._rows[self._count : end] = np.stack(rows, axis=1)
        self._put(fresh, np.arange(self._count, end))
        self._count = end

    def _put(self, marks: Array, rows: Array) -> None:
        """Put marks that are in no place yet each into its own; where two meet, one by one."""
        while len(marks):
            places, one = np.unique(self._find(marks), return_index=True)
            self._marks[places], self._at[places] = marks[one], rows[one]
            marks, rows = np.delete(marks, one), np.delete(rows, one)
