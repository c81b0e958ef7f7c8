"""A bounded table of who used which linking value: values, accounts and the edges between them.

The campaigns lanes and the clusters both keep one. It counts and forgets; it does not judge.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.columns import Columns
from stream.campaigns.rows import (
    AccountRow,
    EdgeRow,
    Row,
    ValueRow,
    account_key,
    edge_key,
    read,
    value_key,
)
from stream.types.verdicts import Member
from stream.windows.table import Field

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stream.types.batch import Array

_F8: Final = np.dtype("<f8")
_I8: Final = np.dtype("<i8")
_U8: Final = np.dtype("<u8")
_BOOL: Final = np.dtype(bool)

_VALUES: Final = (
    Field("kind", np.dtype("u1")),
    Field("value", _U8),
    Field("size", _I8),  # accounts that have it
    Field("since", _F8, initial=np.inf),  # first use by anybody
    Field("last", _F8, initial=-np.inf),
    Field("sent", _F8, initial=-np.inf),  # when it was last sent on
    Field("popular", _BOOL),
    Field("changed", _BOOL),
    Field("stored", _BOOL),
    Field("dirty", _BOOL),
)
_ACCOUNTS: Final = (
    Field("degree", _I8),  # values it has
    Field("created_at", _F8, initial=np.nan),
    Field("day_requests", _F8),
    Field("active_hours", np.dtype("u1")),
    Field("hash", np.dtype("<u4")),  # of the id; the same everywhere
    Field("dirty", _BOOL),
)
_EDGES: Final = (
    Field("value", _I8),
    Field("account", _I8),
    Field("since", _F8, initial=np.inf),
    Field("last", _F8, initial=-np.inf),
    Field("requests", _I8),
    Field("input_tokens", _I8),
    Field("output_tokens", _I8),
    Field("fresh", _BOOL, initial=1),  # never sent on
    Field("unsent", _BOOL, initial=1),  # changed since it was sent on
    Field("dirty", _BOOL),
)
#: One doubling of the accounts of a value is worth as much as this much recency.
_SIZE_BONUS_S: Final = 86400.0


class EdgeTable:
    """Values, accounts and edges in columns; ``values``, ``accounts`` and ``edges`` are public."""

    def __init__(self, *, max_edges: int) -> None:
        """Hold at most about ``max_edges`` edges once :meth:`shrink` has been called."""
        self.values: Final = Columns(_VALUES)
        self.accounts: Final = Columns(_ACCOUNTS)
        self.edges: Final = Columns(_EDGES)
        self._max_edges = max_edges
        self._names: list[str] = []
        self._value_of: dict[int, int] = {}
        self._account_of: dict[str, int] = {}
        self._edge_of: dict[int, int] = {}
        self._gone: set[bytes] = set()

    def name(self, account: int) -> str:
        """Return the id of the account in a slot."""
        return self._names[account]

    def names(self, accounts: Array) -> list[str]:
        """Return the ids of accounts."""
        return [self._names[slot] for slot in accounts.tolist()]

    # -- finding and adding -------------------------------------------------------------------

    def find_account(self, name: str) -> int | None:
        """Return the slot of an account, if it has any edge."""
        return self._account_of.get(name)

    def find_value(self, kind: int, value: int) -> int | None:
        """Return the slot of a value, if it is known."""
        return self._value_of.get(kind << 64 | value)

    def value_slots(self, kinds: Sequence[int], values: Sequence[int]) -> Array:
        """Return the slots of linking values, adding missing ones; shape ``(n,)``, i8."""
        keys = [kind << 64 | value for kind, value in zip(kinds, values, strict=True)]
        missing = {key: i for i, key in enumerate(keys) if key not in self._value_of}
        slots = self.values.take(len(missing))
        self._value_of.update(zip(missing, slots, strict=True))
        self.values["kind"][slots] = [kinds[i] for i in missing.values()]
        self.values["value"][slots] = np.array([values[i] for i in missing.values()], _U8)
        return np.array([self._value_of[key] for key in keys], np.int64)

    def account_slots(self, names: Sequence[str]) -> Array:
        """Return the slots of accounts, adding missing ones; shape ``(n,)``, i8."""
        missing = list(dict.fromkeys(name for name in names if name not in self._account_of))
        for name, slot in zip(missing, self.accounts.take(len(missing)), strict=True):
            self._account_of[name] = slot
            self._names += [""] * (slot + 1 - len(self._names))
            self._names[slot] = name
            self.accounts["hash"][slot] = zlib.crc32(name.encode())
        return np.array([self._account_of[name] for name in names], np.int64)

    def edge_slots(self, values: Array, accounts: Array, *, most: int) -> Array:
        """Return the slots of distinct edges, adding missing ones while a value has room.

        Shape ``(n,)``, i8; -1 where the value already has ``most`` accounts.
        """
        keys = ((values << 32) | accounts).tolist()
        get = self._edge_of.get
        found = [get(key, -1) for key in keys]
        size, degree = self.values["size"], self.accounts["degree"]
        missing = [i for i, slot in enumerate(found) if slot < 0]
        if missing:
            room = dict.fromkeys(values[missing].tolist(), 0)
            room = {value: most - int(size[value]) for value in room}
            admitted = []
            for i, value in zip(missing, values[missing].tolist(), strict=True):
                if room[value] > 0:
                    room[value] -= 1
                    admitted.append(i)
            new = self.edges.take(len(admitted))
            for i, slot in zip(admitted, new, strict=True):
                found[i] = self._edge_of[keys[i]] = slot
            self.edges["value"][new] = values[admitted]
            self.edges["account"][new] = accounts[admitted]
            np.add.at(size, values[admitted], 1)
            np.add.at(degree, accounts[admitted], 1)
        return np.array(found, np.int64)

    def touch(self, edges: Array) -> None:
        """Note that edges have changed: their values' times, and what has to be written."""
        values = self.edges["value"][edges]
        np.minimum.at(self.values["since"], values, self.edges["since"][edges])
        np.maximum.at(self.values["last"], values, self.edges["last"][edges])
        self.values["changed"][values] = True
        self.values["dirty"][values] = True
        self.edges["dirty"][edges] = True
        self.edges["unsent"][edges] = True

    def edges_of(self, values: Array) -> Array:
        """Return the edges of values (slots), ascending, shape ``(n,)``, i8."""
        wanted = np.zeros(len(self.values.used), bool)
        wanted[values] = True
        return np.flatnonzero(self.edges.used & wanted[self.edges["value"]])

    def member(self, edge: int) -> Member:
        """Return an edge as it travels in a group."""
        edges, accounts = self.edges, self.accounts
        account = int(edges["account"][edge])
        created_at = float(accounts["created_at"][account])
        return Member(
            account_id=self._names[account],
            since=float(edges["since"][edge]),
            last=float(edges["last"][edge]),
            requests=int(edges["requests"][edge]),
            input_tokens=int(edges["input_tokens"][edge]),
            output_tokens=int(edges["output_tokens"][edge]),
            created_at=None if np.isnan(created_at) else created_at,
            day_requests=float(accounts["day_requests"][account]),
            active_hours=int(accounts["active_hours"][account]),
        )

    # -- forgetting ---------------------------------------------------------------------------

    def expire(self, before: float) -> int:
        """Forget edges and popular values last used before ``before``; return how many values."""
        known = len(self.values)
        self.remove(np.flatnonzero(self.edges.used & (self.edges["last"] < before)))
        popular = self.values.used & self.values["popular"] & (self.values["last"] < before)
        self._forget_values(np.flatnonzero(popular))
        return known - len(self.values)

    def make_popular(self, values: Array) -> None:
        """Keep of values no more than that they are popular."""
        if len(values):
            self.values["popular"][values] = True
            self.values["dirty"][values] = True
            self.remove(self.edges_of(values))

    def shrink(self) -> int:
        """When there are too many edges, forget the least valuable values; return how many."""
        excess = len(self.edges) - self._max_edges
        if excess <= 0:
            return 0
        values = self.values.slots
        values = values[self.values["size"][values] > 0]
        size = self.values["size"][values]
        worth = self.values["last"][values] + _SIZE_BONUS_S * np.log2(np.maximum(size, 1))
        # Ties go by the value itself, so that a recovered lane forgets the same ones.
        order = np.lexsort((self.values["value"][values], self.values["kind"][values], worth))
        enough = np.searchsorted(np.cumsum(size[order]), excess + self._max_edges // 64) + 1
        self.remove(self.edges_of(values[order[:enough]]))
        return len(order[:enough])

    def remove(self, edges: Array) -> None:
        """Forget edges, and values and accounts that have none left."""
        if not len(edges):
            return
        values, accounts = self.edges["value"][edges], self.edges["account"][edges]
        for value, account in zip(values.tolist(), accounts.tolist(), strict=True):
            del self._edge_of[value << 32 | account]
            self._gone.add(self._edge_key(value, account))
        np.subtract.at(self.values["size"], values, 1)
        np.subtract.at(self.accounts["degree"], accounts, 1)
        self.edges.release(edges.tolist())
        values = np.unique(values)
        bare = (self.values["size"][values] == 0) & ~self.values["popular"][values]
        self._forget_values(values[bare])
        accounts = np.unique(accounts)
        lonely = accounts[self.accounts["degree"][accounts] == 0].tolist()
        for account in lonely:
            del self._account_of[self._names[account]]
            self._gone.add(account_key(self._names[account]))
        self.accounts.release(lonely)

    def _forget_values(self, values: Array) -> None:
        slots = values.tolist()
        for slot in slots:
            kind, value = int(self.values["kind"][slot]), int(self.values["value"][slot])
            del self._value_of[kind << 64 | value]
            if self.values["stored"][slot]:
                self._gone.add(value_key(kind, value))
        self.values.release(slots)

    # -- durable rows -------------------------------------------------------------------------

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return the rows changed since the last call; None deletes. Sorted by key."""
        rows: dict[bytes, bytes | None] = dict.fromkeys(self._gone)
        for slot in self._dirty(self.values):
            key = value_key(int(self.values["kind"][slot]), int(self.values["value"][slot]))
            rows[key] = self._value_row(slot).encode()
            self.values["stored"][slot] = True
        for slot in self._dirty(self.accounts):
            rows[account_key(self._names[slot])] = self._account_row(slot).encode()
        for slot in self._dirty(self.edges):
            value, account = int(self.edges["value"][slot]), int(self.edges["account"][slot])
            rows[self._edge_key(value, account)] = self._edge_row(slot).encode()
        self._gone.clear()
        return sorted(rows.items())

    def load(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Put stored rows back; they do not count as changed. Keys of others are ignored."""
        found = [row for key, blob in sorted(rows) if (row := read(key, blob)) is not None]
        self._load_edges([row for row in found if isinstance(row[3], EdgeRow)])
        for kind, number, name, stored in found:
            if isinstance(stored, ValueRow):
                self._load_value(kind, number, stored)
            elif isinstance(stored, AccountRow) and name in self._account_of:
                self.note_accounts(
                    self.account_slots([name]),
                    stored.created_at,
                    stored.day_requests,
                    stored.active_hours,
                )
        self.accounts["dirty"][:] = False

    def note_accounts(
        self, accounts: Array, created_at: object, day_requests: object, active_hours: object
    ) -> None:
        """Store what is known of accounts (slots): scalars or arrays of shape ``(n,)``."""
        self.accounts["created_at"][accounts] = created_at
        self.accounts["day_requests"][accounts] = day_requests
        self.accounts["active_hours"][accounts] = active_hours
        self.accounts["dirty"][accounts] = True

    @staticmethod
    def _dirty(columns: Columns) -> list[int]:
        slots: list[int] = np.flatnonzero(columns.used & columns["dirty"]).tolist()
        columns["dirty"][:] = False
        return slots

    def _load_value(self, kind: int, number: int, row: ValueRow) -> None:
        slot = self.value_slots([kind], [number])
        for name in ("since", "last", "sent", "popular", "changed"):
            self.values[name][slot] = getattr(row, name)
        self.values["stored"][slot] = True

    def _load_edges(self, found: list[tuple[int, int, str, Row]]) -> None:
        values = self.value_slots([row[0] for row in found], [row[1] for row in found])
        accounts = self.account_slots([row[2] for row in found])
        slots = self.edge_slots(values, accounts, most=2**62)
        for name in EdgeRow.__struct_fields__:
            self.edges[name][slots] = [getattr(row[3], name) for row in found]
        np.minimum.at(self.values["since"], values, self.edges["since"][slots])
        np.maximum.at(self.values["last"], values, self.edges["last"][slots])

    def _edge_key(self, value: int, account: int) -> bytes:
        kind, number = int(self.values["kind"][value]), int(self.values["value"][value])
        return edge_key(kind, number, self._names[account])

    def _value_row(self, slot: int) -> ValueRow:
        values = self.values
        return ValueRow(
            since=float(values["since"][slot]),
            last=float(values["last"][slot]),
            sent=float(values["sent"][slot]),
            popular=bool(values["popular"][slot]),
            changed=bool(values["changed"][slot]),
        )

    def _account_row(self, slot: int) -> AccountRow:
        return AccountRow(
            created_at=float(self.accounts["created_at"][slot]),
            day_requests=float(self.accounts["day_requests"][slot]),
            active_hours=int(self.accounts["active_hours"][slot]),
        )

    def _edge_row(self, slot: int) -> EdgeRow:
        edges = self.edges
        return EdgeRow(
            since=float(edges["since"][slot]),
            last=float(edges["last"][slot]),
            requests=int(edges["requests"][slot]),
            input_tokens=int(edges["input_tokens"][slot]),
            output_tokens=int(edges["output_tokens"][slot]),
            fresh=bool(edges["fresh"][slot]),
            unsent=bool(edges["unsent"][slot]),
        )
