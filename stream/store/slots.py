"""A bounded table of accounts: one slot per account, one array per field.

Every per-account number of the product lives here, so that growing, evicting, writing and
recovering state is done once for all of it. Knows nothing of what the fields mean.

Whoever invents account ids must not push out those that are known. So there are two classes, as
in 2Q (Johnson and Shasha, VLDB 1994) and its successors (S3-FIFO, Yang et al., SOSP 2023)::

    |  settled: came back after a while                    | newcomers |
    0                                              three quarters     full

A flood of newcomers pushes out newcomers. Settled accounts go, the least valuable first, only
while they take more than their three quarters: newcomers need room to become settled in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from stream.core.errors import StateError
from stream.store.free import FreeSlots
from stream.store.names import Names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stream.core.events import Array

_FIRST_CAPACITY: Final = 1024
#: The part of the table, one in so many, that newcomers have to themselves when it is full ...
_NEWCOMERS: Final = 4
#: ... and the part that may be asked for at once.
_PORTION: Final = 8
#: One in so many go at once: choosing the least valuable costs a pass over all.
_SPARE: Final = 64

_Judge = Callable[["Array"], "Array"]


@dataclass(frozen=True, slots=True)
class Field:
    """A per-account value: its dtype, its shape beside the slot axis, what a new account has."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...] = ()
    initial: float = 0


class SlotTable:
    """Accounts in slots; ``table[name]`` is that field's array, shape ``(capacity, *shape)``.

    Arrays are replaced when the table grows: take them from the table at each use.
    """

    def __init__(self, fields: Iterable[Field], *, max_accounts: int) -> None:
        """Declare the fields; nothing is allocated beyond a first small capacity."""
        self.fields: Final = tuple(fields)
        self.max_accounts: Final = max_accounts
        self.evicted = 0
        self._row: Final = np.dtype([(f.name, f.dtype, f.shape) for f in self.fields])
        self._names: Final = Names()
        self._free: Final = FreeSlots()
        self._arrays: dict[str, Array] = {}
        self._used = np.zeros(0, bool)
        self._dirty = np.zeros(0, bool)
        self._stored = np.zeros(0, bool)  # has a durable row
        self._gone: set[str] = set()
        self._grow(min(_FIRST_CAPACITY, max_accounts))

    def __len__(self) -> int:
        """Return the number of accounts."""
        return len(self._names)

    def __getitem__(self, name: str) -> Array:
        """Return the array of a field."""
        return self._arrays[name]

    def slot(self, account: str) -> int | None:
        """Return the slot of an account that is in the table."""
        slot = int(self._names.find([account])[0])
        return slot if slot >= 0 else None

    def name(self, slot: int) -> str:
        """Return the account in a slot that is in use."""
        return self._names.of(np.array([slot]))[0]

    def slots(
        self, accounts: Sequence[str], *, value: _Judge, settled: _Judge | None = None
    ) -> Array:
        """Return the slots of distinct accounts, making room for new ones; shape ``(n,)``, i8.

        ``value(slots)`` says how valuable each given slot is, ``settled(slots)`` which are no
        newcomers (none says: all are). When the table is full, accounts that are not among
        ``accounts`` make room; ask for at most :attr:`portion` at once, or settled ones have to
        go. Marks all returned slots as changed. Raises ValueError when ``accounts`` alone exceed
        the table.
        """
        slots = self._names.find(accounts)
        new = np.flatnonzero(slots < 0)
        if len(new):
            self._make_room(len(new), slots[slots >= 0], value, settled)
            slots[new] = self._add([accounts[i] for i in new.tolist()])
            for field in self.fields:
                self._arrays[field.name][slots[new]] = field.initial
        self._dirty[slots] = True
        return slots

    def touch(self, slots: Sequence[int]) -> None:
        """Note that rows have changed."""
        self._dirty[list(slots)] = True

    @property
    def portion(self) -> int:
        """Return how many accounts may be asked for at once."""
        return max(1, self.max_accounts // _PORTION)

    def used(self) -> Array:
        """Return the slots in use, ascending, shape ``(n,)``, i8."""
        return np.flatnonzero(self._used)

    @property
    def nbytes(self) -> int:
        """Return the size of the arrays in bytes."""
        return sum(array.nbytes for array in self._arrays.values())

    # -- durable rows -------------------------------------------------------------------------

    @property
    def layout(self) -> Mapping[str, str]:
        """Return what a stored row consists of: each field's dtype and shape, and their order."""
        order = " ".join(field.name for field in self.fields)
        return {
            "order of the fields": hashlib.blake2b(order.encode(), digest_size=4).hexdigest(),
            **{f"field {f.name}": f"{f.dtype.str}{list(f.shape) or ''}" for f in self.fields},
        }

    def take_changes(self) -> tuple[list[tuple[str, bytes]], list[str]]:
        """Return (rows changed, accounts gone) since the last call, and forget the changes."""
        slots = np.flatnonzero(self._dirty)
        rows = self._rows(slots)
        names = self._names.of(slots)
        gone = sorted(self._gone)
        self._dirty[:] = False
        self._stored[slots] = True
        self._gone.clear()
        return list(zip(names, rows, strict=True)), gone

    def load(self, accounts: Sequence[str], rows: Sequence[bytes]) -> None:
        """Put stored rows of distinct accounts back; they do not count as changed.

        The table may come to hold more than ``max_accounts``, until :meth:`trim`.
        """
        if set(map(len, rows)) - {self._row.itemsize}:
            raise StateError(f"not every stored account has {self._row.itemsize} bytes")
        stored = np.frombuffer(b"".join(rows), self._row)
        slots = self._names.find(accounts)
        new = np.flatnonzero(slots < 0)
        if len(self) + len(new) > len(self._used):
            self._grow(max(len(self) + len(new), 2 * len(self._used)))
        slots[new] = self._add([accounts[i] for i in new.tolist()])
        for field in self.fields:
            self._arrays[field.name][slots] = stored[field.name]
        self._stored[slots] = True

    def drop(self, accounts: Iterable[str]) -> None:
        """Remove accounts whose stored rows are deleted; unknown ones are none."""
        slots = self._names.find(list(accounts))
        self._remove(slots[slots >= 0])

    def trim(self, value: _Judge) -> None:
        """After loading: forget the least valuable accounts beyond ``max_accounts``."""
        excess = len(self) - self.max_accounts
        if excess > 0:
            self._evict(self.used(), excess, value)

    def _rows(self, slots: Array) -> list[bytes]:
        rows = np.empty(len(slots), self._row)
        for field in self.fields:
            rows[field.name] = self._arrays[field.name][slots]
        packed, width = rows.tobytes(), self._row.itemsize
        return [packed[i : i + width] for i in range(0, len(packed), width)]

    # -- room ---------------------------------------------------------------------------------

    def _add(self, accounts: Sequence[str]) -> Array:
        """Return free slots that now belong to ``accounts``; what is in them is left over."""
        slots = self._free.take(len(accounts))
        self._names.put(slots, accounts)
        self._used[slots] = True
        self._stored[slots] = [account in self._gone for account in accounts]
        self._gone.difference_update(accounts)
        return slots

    def _remove(self, slots: Array) -> None:
        self._names.remove(slots)
        self._free.give(slots)
        self._used[slots] = self._dirty[slots] = self._stored[slots] = False

    def _make_room(self, count: int, keep: Array, value: _Judge, settled: _Judge | None) -> None:
        if count + len(keep) > self.max_accounts:
            message = f"{count + len(keep)} accounts at once, the table holds {self.max_accounts}"
            raise ValueError(message)
        wanted = len(self) + count
        if wanted > len(self._used):
            self._grow(min(max(wanted, 2 * len(self._used)), self.max_accounts))
        if wanted > self.max_accounts:
            candidates = np.setdiff1d(self.used(), keep, assume_unique=True)
            old = np.zeros(len(candidates), bool) if settled is None else settled(candidates)
            newcomers, others = candidates[~old], candidates[old]
            known = 0 if settled is None else int(np.count_nonzero(settled(keep)))
            ahead = len(newcomers) + count + len(keep) - known - self.max_accounts // _NEWCOMERS
            needed = wanted - self.max_accounts
            most = needed + self.max_accounts // _SPARE
            from_newcomers = min(max(ahead, needed - len(others), 0), len(newcomers), most)
            self._evict(newcomers, from_newcomers, value)
            if from_newcomers < needed:
                self._evict(others, min(most - from_newcomers, len(others)), value)

    def _evict(self, candidates: Array, count: int, value: _Judge) -> None:
        """Forget the ``count`` least valuable of the candidates."""
        if not count:
            return
        # Ties go by name so that two workers with the same state evict the same accounts.
        worth = value(candidates)
        threshold = np.partition(worth, count - 1)[count - 1]
        below = candidates[worth < threshold]
        ties = sorted(candidates[worth == threshold].tolist(), key=self.name)
        gone = np.append(below, np.array(ties[: count - len(below)], np.int64))
        self._gone.update(self._names.of(gone[self._stored[gone]]))
        self._remove(gone)
        self.evicted += count

    def _grow(self, capacity: int) -> None:
        old = len(self._used)
        for field in self.fields:
            # Zeros take no memory before something is written there.
            array = np.zeros((capacity, *field.shape), field.dtype)
            if field.initial:
                array[old:] = field.initial
            if old:
                array[:old] = self._arrays[field.name]
            self._arrays[field.name] = array
        more = np.zeros(capacity - old, bool)
        self._used, self._dirty, self._stored = (
            np.concatenate([flags, more]) for flags in (self._used, self._dirty, self._stored)
        )
