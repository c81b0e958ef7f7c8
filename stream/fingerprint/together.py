"""Fingerprints of attributes that come together: an account's key, address, client and payment.

An account comes again with the same ones, so that whole rows are remembered and one look-up stands
for one in every column. With many accounts the look-ups are what intake waits for: each is several
reads from memory that no cache holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stream.fingerprint.keyed import KeyedHash
    from stream.types.batch import Array

#: Rows remembered; then the memory starts afresh. Each takes 16 bytes and 8 for every column.
REMEMBERED: Final = 131_072


class Together:
    """Maps rows of values to rows of fingerprints; nothing of a value is kept.

    A row is known by the hash that Python gives it, of 64 bits as the fingerprints are, and keyed
    anew in every process: nobody can make two rows meet.
    """

    def __init__(self, hashes: Mapping[str, KeyedHash]) -> None:
        """Ask ``hashes``, column by column, for rows that are not remembered."""
        self._hashes = hashes
        self._start()

    def _start(self) -> None:
        # No hash of Python's is -1, so that this row is never found.
        self._marks: Array = np.array([-1], np.int64)
        self._at: Array = np.zeros(1, np.int64)
        self._rows: Array = np.zeros((1, len(self._hashes)), np.uint64)
        self._count: int = 1

    def remembered(self, values: Sequence[Sequence[str | int | None]]) -> dict[str, Array]:
        """Return each column's fingerprints, shape ``(n,)``, u8; ``values`` come in its order."""
        marks = np.fromiter(map(hash, zip(*values, strict=True)), np.int64, len(values[0]))
        at = self._find(marks)
        new = np.flatnonzero(self._marks[at] != marks)
        if len(new):
            self._learn(marks, new, values)
            at = self._find(marks)
        found = self._rows[self._at[at]]
        return {name: found[:, i] for i, name in enumerate(self._hashes)}

    def _find(self, marks: Array) -> Array:
        return np.asarray(np.minimum(np.searchsorted(self._marks, marks), len(self._marks) - 1))

    def _learn(
        self, marks: Array, new: Array, values: Sequence[Sequence[str | int | None]]
    ) -> None:
        if self._count + len(new) > REMEMBERED:
            self._start()
            new = np.arange(len(marks))
        fresh, first = np.unique(marks[new], return_index=True)
        first = new[first]
        rows = [
            hashes.remembered([column[i] for i in first.tolist()])
            for hashes, column in zip(self._hashes.values(), values, strict=True)
        ]
        end = self._count + len(fresh)
        if end > len(self._rows):
            more = np.zeros((max(end, 2 * len(self._rows)), len(self._hashes)), np.uint64)
            more[: self._count] = self._rows[: self._count]
            self._rows = more
        self._rows[self._count : end] = np.stack(rows, axis=1)
        place = np.searchsorted(self._marks, fresh)
        self._marks = np.insert(self._marks, place, fresh)
        self._at = np.insert(self._at, place, np.arange(self._count, end))
        self._count = end
