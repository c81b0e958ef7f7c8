"""Cached fingerprints of attributes that recur together: an account's address, client and payment.

An account repeats the same attributes, so whole rows are cached and one look-up stands for one in
every column. With many accounts intake waits for look-ups: each is several reads from memory that
no processor cache holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from stream.store.columns import ColumnStore, Field
from stream.store.hash_index import HashIndex

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stream.core.batch import Array, Fingerprints, Positions, Slots

#: Rows cached; then the cache starts empty again. Each takes at most 25 bytes, and 8 for each
#: column (the hash, a quarter of the index's buckets and a flag; `ColumnStore`, `HashIndex`).
MAX_ROWS: Final = 131_072


class Hash(Protocol):
    """Makes a column of values: a keyed hash, or facts about networks."""

    def cached(self, values: Sequence[str | None]) -> Fingerprints:
        """Return the column, shape ``(n,)``, u8."""
        ...


class RowCache:
    """Maps rows of values to rows of fingerprints; no value is kept.

    A row is known by the hash that Python gives it, of 64 bits as the fingerprints are, with a key
    of the process: a client cannot make two rows collide.
    """

    def __init__(self, hashes: Mapping[str, Hash], of: Mapping[str, int] | None = None) -> None:
        """Compute rows that are not cached by ``hashes``, column by column.

        ``of`` is the place of each column's value in a row; None: the values come in its order.
        """
        self._hashes = hashes
        self._of = of or {name: place for place, name in enumerate(hashes)}
        self.clear()

    def __len__(self) -> int:
        """Return how many rows are cached."""
        return len(self._rows)

    def fingerprints(self, values: Sequence[Sequence[str | None]]) -> dict[str, Fingerprints]:
        """Return each column's fingerprints, shape ``(n,)``, of rows of ``values``."""
        hashed = np.fromiter(map(hash, zip(*values, strict=True)), np.int64, len(values[0]))
        slots = self._index.find(hashed)
        new = np.flatnonzero(slots < 0)
        if len(new):
            if len(self) + len(new) > MAX_ROWS:
                self.clear()
                new = np.arange(len(hashed))
            slots[new] = self._added(hashed[new], new, values)
        found = np.ascontiguousarray(self._rows["fingerprints"][slots].T)
        return dict(zip(self._hashes, found, strict=True))

    def clear(self) -> None:
        """Forget all rows."""
        width = (len(self._hashes),)
        fields = (Field("hash", np.dtype("<i8")), Field("fingerprints", np.dtype("<u8"), width))
        self._rows: ColumnStore = ColumnStore(fields)
        self._index: HashIndex = HashIndex(self._rows, ("hash",))

    def _added(
        self, hashed: Array, new: Positions, values: Sequence[Sequence[str | None]]
    ) -> Slots:
        """Add the rows at ``new``, of which ``hashed`` are the hashes; return their slots."""
        distinct, first, which = np.unique(hashed, return_index=True, return_inverse=True)
        at = new[first].tolist()
        slots = self._rows.allocate(len(distinct), initialise=False)
        self._rows["hash"][slots] = distinct
        for column, (name, hashes) in enumerate(self._hashes.items()):
            texts = values[self._of[name]]
            self._rows["fingerprints"][slots, column] = hashes.cached([texts[i] for i in at])
        self._index.add(slots)
        return np.asarray(slots[which])
