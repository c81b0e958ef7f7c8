"""A bounded table of accounts: one slot per account, one array per field.

Every per-account number of the product lives here, so that growing, evicting, writing and
recovering state is done once for all of it. Knows nothing of what the fields mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from stream.types.events import Array

_FIRST_CAPACITY: Final = 1024


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
        self._slots: dict[str, int] = {}
        self._names: list[str | None] = []
        self._free: list[int] = []
        self._arrays: dict[str, Array] = {}
        self._dirty = np.zeros(0, bool)
        self._gone: set[str] = set()
        self._grow(min(_FIRST_CAPACITY, max_accounts))

    def __len__(self) -> int:
        """Return the number of accounts."""
        return len(self._slots)

    def __getitem__(self, name: str) -> Array:
        """Return the array of a field."""
        return self._arrays[name]

    def slot(self, account: str) -> int | None:
        """Return the slot of an account that is in the table."""
        return self._slots.get(account)

    def name(self, slot: int) -> str:
        """Return the account in a slot that is in use."""
        name = self._names[slot]
        if name is None:
            raise KeyError(slot)
        return name

    def slots(self, accounts: Sequence[str], *, value: Callable[[Array], Array]) -> Array:
        """Return the slots of distinct accounts, making room for new ones; shape ``(n,)``, i8.

        ``value(slots)`` says how valuable each given slot is: when the table is full, the least
        valuable accounts that are not among ``accounts`` make room. Marks all returned slots as
        changed. Raises ValueError when ``accounts`` alone exceed the table.
        """
        known = self._slots.get
        found = [known(account, -1) for account in accounts]
        missing = found.count(-1)
        if missing:
            self._make_room(missing, keep=[slot for slot in found if slot >= 0], value=value)
            for i, slot in enumerate(found):
                if slot < 0:
                    found[i] = self._add(accounts[i])
        slots = np.array(found, np.int64)
        self._dirty[slots] = True
        return slots

    def used(self) -> Array:
        """Return the slots in use, ascending, shape ``(n,)``, i8."""
        return np.sort(np.fromiter(self._slots.values(), np.int64, len(self._slots)))

    @property
    def nbytes(self) -> int:
        """Return the size of the arrays in bytes."""
        return sum(array.nbytes for array in self._arrays.values())

    # -- durable rows -------------------------------------------------------------------------

    @property
    def row_schema(self) -> Mapping[str, str]:
        """Return field name -> dtype and shape: what a stored row consists of, in order."""
        return {field.name: f"{field.dtype.str}{list(field.shape)}" for field in self.fields}

    def take_changes(self) -> tuple[list[tuple[str, bytes]], list[str]]:
        """Return (rows changed, accounts gone) since the last call, and forget the changes."""
        slots = np.flatnonzero(self._dirty)
        rows = self._rows(slots)
        names = [self.name(slot) for slot in slots.tolist()]
        gone = sorted(self._gone)
        self._dirty[:] = False
        self._gone.clear()
        return list(zip(names, rows, strict=True)), gone

    def load(self, accounts: Sequence[str], rows: Sequence[bytes]) -> None:
        """Put stored rows of distinct accounts back; they do not count as changed."""
        if not accounts:
            return
        slots = self.slots(accounts, value=lambda some: np.zeros(len(some)))
        width = sum(self._width(field) for field in self.fields)
        matrix = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), width)
        start = 0
        for field in self.fields:
            stop = start + self._width(field)
            part = np.ascontiguousarray(matrix[:, start:stop]).view(field.dtype)
            self._arrays[field.name][slots] = part.reshape(len(rows), *field.shape)
            start = stop
        self._dirty[slots] = False

    def _rows(self, slots: Array) -> list[bytes]:
        if not len(slots):
            return []
        parts = [
            np.ascontiguousarray(self._arrays[field.name][slots])
            .reshape(len(slots), -1)
            .view(np.uint8)
            for field in self.fields
        ]
        matrix = np.concatenate(parts, axis=1)
        packed, width = matrix.tobytes(), matrix.shape[1]
        return [packed[i : i + width] for i in range(0, len(packed), width)]

    @staticmethod
    def _width(field: Field) -> int:
        return int(field.dtype.itemsize * np.prod(field.shape, dtype=np.int64))

    # -- room ---------------------------------------------------------------------------------

    def _add(self, account: str) -> int:
        slot = self._free.pop()
        self._slots[account] = slot
        self._names[slot] = account
        self._gone.discard(account)
        for field in self.fields:
            self._arrays[field.name][slot] = field.initial
        return slot

    def _make_room(
        self, count: int, *, keep: Sequence[int], value: Callable[[Array], Array]
    ) -> None:
        if count + len(keep) > self.max_accounts:
            message = f"{count + len(keep)} accounts at once, the table holds {self.max_accounts}"
            raise ValueError(message)
        wanted = len(self._slots) + count
        if wanted > len(self._names):
            self._grow(min(max(wanted, 2 * len(self._names)), self.max_accounts))
        if wanted > self.max_accounts:
            # Evict a little more than needed: choosing the least valuable costs a pass.
            spare = self.max_accounts // 64
            self._evict(wanted - self.max_accounts + spare, keep=keep, value=value)

    def _evict(self, count: int, *, keep: Sequence[int], value: Callable[[Array], Array]) -> None:
        candidates = np.setdiff1d(self.used(), np.array(keep, np.int64), assume_unique=True)
        count = min(count, len(candidates))
        # Ties go by name so that two workers with the same state evict the same accounts.
        worth = value(candidates)
        threshold = np.partition(worth, count - 1)[count - 1]
        below = candidates[worth < threshold].tolist()
        ties = sorted(candidates[worth == threshold].tolist(), key=self.name)
        for slot in below + ties[: count - len(below)]:
            account = self.name(slot)
            del self._slots[account]
            self._names[slot] = None
            self._free.append(slot)
            self._dirty[slot] = False
            self._gone.add(account)
        self.evicted += count

    def _grow(self, capacity: int) -> None:
        old = len(self._names)
        for field in self.fields:
            array = np.full((capacity, *field.shape), field.initial, field.dtype)
            if old:
                array[:old] = self._arrays[field.name]
            self._arrays[field.name] = array
        self._dirty = np.concatenate([self._dirty, np.zeros(capacity - old, bool)])
        self._names.extend([None] * (capacity - old))
        self._free.extend(range(capacity - 1, old - 1, -1))
