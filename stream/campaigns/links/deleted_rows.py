"""What of the stored rows has to be deleted or written again because edges were removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.links.rows import chunk_keys, value_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.batch import AccountSlots, Counts, Positions, ValueSlots
    from stream.store.columns import ColumnStore

#: An account (slot) and one of its chunks are one number.
CHUNK_BITS: Final = 16


def chunk_codes(accounts: AccountSlots, chunks: Positions | int) -> Positions:
    """Return chunks of accounts as one number each, in their order; shape ``(n,)``, i8."""
    return np.asarray(accounts << CHUNK_BITS | chunks)


class DeletedRows:
    """Keys of rows to delete, and chunks that lost edges, since they were last taken."""

    def __init__(self) -> None:
        """Start with none."""
        self._keys: set[bytes] = set()
        self._chunks: set[int] = set()

    def lost_edges(self, accounts: AccountSlots, chunks: Positions) -> None:
        """Note edges of accounts that were stored in chunks; -1: not stored."""
        stored = chunks >= 0
        self._chunks.update(chunk_codes(accounts[stored], chunks[stored]).tolist())

    def lost_values(self, values: ColumnStore, slots: ValueSlots) -> None:
        """Note indicators that are forgotten; those with a row are deleted."""
        stored = slots[values["stored"][slots]]
        self._keys.update(value_keys(values["kind"][stored], values["value"][stored]))

    def lost_accounts(self, names: Sequence[str], chunks: Counts) -> None:
        """Note accounts that are forgotten, with the number of their chunks."""
        for name, count in zip(names, chunks.tolist(), strict=True):
            self._keys.update(chunk_keys([name] * count, range(count)))

    def take_keys(self) -> list[bytes]:
        """Return the keys to delete since the last call, ascending."""
        keys, self._keys = sorted(self._keys), set()
        return keys

    def take_chunks(self) -> Positions:
        """Return the chunks that lost edges since the last call, as codes, ascending."""
        chunks, self._chunks = sorted(self._chunks), set()
        return np.array(chunks, np.int64)
