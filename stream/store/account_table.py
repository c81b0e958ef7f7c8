"""A bounded table of accounts: one row per account, found by its id, stored when it changed.

Every per-account number of the accounts stage is a column here, so that eviction, writing and
recovering state is done once for all of them. It does not know the meaning of the columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from stream.core.errors import StateError
from stream.store.columns import ColumnStore, Field
from stream.store.eviction import lowest, quotas
from stream.store.interner import Interner
from stream.store.layouts import of_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from stream.core.batch import AccountSlots, Array, Floats, Mask

    #: The eviction priority of each slot, shape ``(n,)``: the lowest is evicted first.
    Priority = Callable[[AccountSlots], Floats]
    #: Which slots are in the protected segment, shape ``(n,)``.
    Protected = Callable[[AccountSlots], Mask]

#: One call may bring in this fraction of the table: one in eight.
_PORTION: Final = 8
#: Columns of the table itself.
_DIRTY: Final = "row is dirty"  # changed since it was written
_STORED: Final = "row is stored"  # has a durable row


class AccountTable:
    """Accounts in slots; ``table[name]`` is that field's array, shape ``(capacity, *shape)``.

    Arrays are replaced when the table grows: get them from the table at each use.
    """

    def __init__(self, fields: Iterable[Field], *, max_accounts: int) -> None:
        """Declare the fields; nothing is allocated beyond a first small capacity."""
        self.fields: Final = tuple(fields)
        self.max_accounts: Final = max_accounts
        #: Accounts that one call may bring in.
        self.portion: Final = max(1, max_accounts // _PORTION)
        self.evicted = 0
        self._row: Final = np.dtype([(f.name, f.dtype, f.shape) for f in self.fields])
        #: What a stored row consists of.
        self.layout: Final[Mapping[str, str]] = {"fields": of_fields(self._row)}
        self._names: Final = Interner()
        flags = (Field(name, np.dtype(bool)) for name in (_DIRTY, _STORED))
        self.columns: Final = ColumnStore((*self.fields, *flags), max_rows=max_accounts)
        self._deleted: set[str] = set()  # forgotten accounts that have a durable row

    def __len__(self) -> int:
        """Return the number of accounts."""
        return len(self.columns)

    def __getitem__(self, name: str) -> Array:
        """Return the array of a field."""
        return self.columns[name]

    def slot(self, account: str) -> int | None:
        """Return the slot of an account that is in the table."""
        slot = int(self._names.find([account])[0])
        return slot if slot >= 0 else None

    def name(self, slot: int) -> str:
        """Return the account in a slot that is in use."""
        return self._names.names(np.array([slot]))[0]

    def slots(
        self, accounts: Sequence[str], *, priority: Priority, protected: Protected | None = None
    ) -> AccountSlots:
        """Return the slots of distinct accounts, adding missing ones; shape ``(n,)``, i8.

        When the table is full, accounts that are not among ``accounts`` are evicted; without
        ``protected`` all are in the probationary segment. Bring in at most :attr:`portion` at
        once, or protected accounts have to go. Marks all returned slots as changed. Raises
        ValueError when ``accounts`` alone exceed the table.
        """
        slots = self._names.find(accounts)
        new = np.flatnonzero(slots < 0)
        if len(new):
            self._make_room(len(new), slots[slots >= 0], priority, protected)
            slots[new] = self._add([accounts[i] for i in new.tolist()])
        self.columns[_DIRTY][slots] = True
        return slots

    def touch(self, slots: Sequence[int]) -> None:
        """Note that rows have changed."""
        self.columns[_DIRTY][list(slots)] = True

    # -- durable rows -------------------------------------------------------------------------

    def take_changes(self) -> tuple[list[tuple[str, bytes]], list[str]]:
        """Return (rows changed, accounts deleted) since the last call, and forget the changes."""
        slots = np.flatnonzero(self.columns[_DIRTY])
        rows = _packed(self.columns, slots, self._row)
        names = self._names.names(slots)
        deleted = sorted(self._deleted)
        self.columns[_DIRTY][:] = False
        self.columns[_STORED][slots] = True
        self._deleted.clear()
        return list(zip(names, rows, strict=True)), deleted

    def load(self, accounts: Sequence[str], rows: Sequence[bytes]) -> None:
        """Put stored rows of distinct accounts back; they do not count as changed.

        The table may come to hold more than ``max_accounts``, until :meth:`trim`.
        """
        if set(map(len, rows)) - {self._row.itemsize}:
            raise StateError(f"not every stored account has {self._row.itemsize} bytes")
        stored = np.frombuffer(b"".join(rows), self._row)
        slots = self._names.find(accounts)
        new = np.flatnonzero(slots < 0)
        slots[new] = self._add([accounts[i] for i in new.tolist()], initialise=False)
        for field in self.fields:
            self.columns[field.name][slots] = stored[field.name]
        self.columns[_STORED][slots] = True

    def drop(self, accounts: Iterable[str], *, with_rows: bool = False) -> None:
        """Remove accounts; unknown ones are ignored.

        ``with_rows``: their durable rows are to be deleted, too; otherwise they are gone already.
        """
        slots = self._names.find(list(accounts))
        self._remove(slots[slots >= 0], with_rows=with_rows)

    def trim(self, priority: Priority) -> None:
        """After loading: evict the accounts of the lowest priority beyond ``max_accounts``."""
        excess = len(self) - self.max_accounts
        if excess > 0:
            self._evict(self.columns.in_use, excess, priority)

    # -- room ---------------------------------------------------------------------------------

    def _add(self, accounts: Sequence[str], *, initialise: bool = True) -> AccountSlots:
        slots = self.columns.allocate(len(accounts), initialise=initialise)
        self._names.add(slots, accounts)
        self.columns[_STORED][slots] = [account in self._deleted for account in accounts]
        self._deleted.difference_update(accounts)
        return slots

    def _remove(self, slots: AccountSlots, *, with_rows: bool) -> None:
        if with_rows:
            self._deleted.update(self._names.names(slots[self.columns[_STORED][slots]]))
        self._names.remove(slots)
        self.columns[_DIRTY][slots] = False
        self.columns.release(slots)

    def _make_room(
        self, count: int, keep: AccountSlots, priority: Priority, protected: Protected | None
    ) -> None:
        if count + len(keep) > self.max_accounts:
            message = f"{count + len(keep)} accounts at once, the table holds {self.max_accounts}"
            raise ValueError(message)
        needed = len(self) + count - self.max_accounts
        if needed <= 0:
            return
        candidates = np.setdiff1d(self.columns.in_use, keep, assume_unique=True)
        old = np.zeros(len(candidates), bool) if protected is None else protected(candidates)
        known = 0 if protected is None else int(np.count_nonzero(protected(keep)))
        probationary, others = candidates[~old], candidates[old]
        from_probationary, from_protected = quotas(
            needed=needed,
            probationary=len(probationary),
            protected=len(others),
            incoming=count + len(keep) - known,
            max_rows=self.max_accounts,
        )
        self._evict(probationary, from_probationary, priority)
        self._evict(others, from_protected, priority)

    def _evict(self, candidates: AccountSlots, count: int, priority: Priority) -> None:
        if not count:
            return
        gone = lowest(candidates, priority(candidates), count, self._names.names)
        self._remove(gone, with_rows=True)
        self.evicted += count


def _packed(columns: ColumnStore, slots: AccountSlots, row: np.dtype[Any]) -> list[bytes]:
    """Return the fields of ``row`` of each slot, packed."""
    rows = np.empty(len(slots), row)
    for name in row.names or ():
        rows[name] = columns[name][slots]
    packed, width = rows.tobytes(), row.itemsize
    return [packed[i : i + width] for i in range(0, len(packed), width)]
