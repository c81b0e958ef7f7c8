"""Which values several accounts have: only these may be shared. A bounded table, by columns.

A value is remembered with the first accounts that sent it, as hashes that only this process can
make. Each value has one place in the table; another value with the same place takes it. So a flood
of values forgets some, and those that are still in use are noted again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from stream.core.batch import Array, Fingerprints


class LinkingTable:
    """The values of one kind."""

    def __init__(self, *, most: int, least_accounts: int) -> None:
        """Remember ``most`` values (rounded up to a power of 2) until as many accounts had one."""
        bits = (most - 1).bit_length()
        self._shift = np.uint64(64 - bits)
        self._value = np.zeros(1 << bits, np.uint64)
        self._accounts = np.zeros((1 << bits, least_accounts - 1), np.int64)
        self._done = np.zeros(1 << bits, bool)

    def note(self, values: Fingerprints, accounts: Array) -> list[int]:
        """Return the rows with which a value came to have enough accounts.

        ``values`` (n,), 0: none; ``accounts`` (n,) hashes of the accounts' ids, never 0.
        """
        rows = np.flatnonzero(values)
        value, account = values[rows], accounts[rows]
        slot = (value >> self._shift).astype(np.int64)
        self._make_room(slot, value)
        # Where two values of these rows have one place, the last one has it.
        waits = (self._value[slot] == value) & ~self._done[slot]
        waits &= (self._accounts[slot] != account[:, None]).all(axis=1)
        return [
            int(rows[at])
            for at in np.flatnonzero(waits).tolist()
            if self._add(int(slot[at]), int(account[at]))
        ]

    def forget(self, value: int) -> None:
        """Let a value come to have enough accounts once more."""
        self._done[value >> int(self._shift)] = False

    def _make_room(self, slot: Array, value: Fingerprints) -> None:
        new = np.flatnonzero(self._value[slot] != value)
        self._value[slot[new]] = value[new]
        self._accounts[slot[new]] = 0
        self._done[slot[new]] = False

    def _add(self, slot: int, account: int) -> bool:
        known = self._accounts[slot]
        if self._done[slot] or (known == account).any():
            return False
        free = np.flatnonzero(known == 0)
        if len(free):
            known[free[0]] = account
            return False
        self._done[slot] = True
        return True
