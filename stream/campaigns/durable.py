"""An edge table and its durable rows: those that changed, and loading them back in bulk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from msgspec.structs import astuple

from stream.campaigns.edges import EdgeTable
from stream.campaigns.rows import (
    ACCOUNT,
    EDGE,
    VALUE,
    AccountRow,
    EdgeRow,
    ValueRow,
    account_key,
    account_of,
    decode,
    edge_account_of,
    encode,
    value_key,
    value_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.campaigns.columns import Columns
    from stream.campaigns.rows import Row
    from stream.types.batch import Array

_UNBOUNDED: Final = 2**62


class DurableEdges(EdgeTable):
    """An edge table that can be stored; rows are those of :mod:`stream.campaigns.rows`."""

    #: What stored rows consist of.
    LAYOUT: Final = {
        kind.__name__: " ".join(kind.__struct_fields__) for kind in (AccountRow, EdgeRow, ValueRow)
    }

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return the rows changed since the last call; None deletes. Sorted by key."""
        rows: dict[bytes, bytes | None] = dict.fromkeys(self._gone)
        self._gone.clear()
        values, accounts, edges = map(_take_dirty, (self.values, self.accounts, self.edges))
        values = self._needed(values, rows)
        self.accounts["stored"][accounts] = self.edges["stored"][edges] = True
        for keys, columns, slots, kind in (
            (map(value_key, self._joints(values)), self.values, values, ValueRow),
            (map(account_key, self.names(accounts)), self.accounts, accounts, AccountRow),
            (self._edge_keys(edges), self.edges, edges, EdgeRow),
        ):
            encoded = encode([columns[name][slots] for name in kind.__struct_fields__])
            rows.update(zip(keys, encoded, strict=True))
        return sorted(rows.items())

    def load(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take over stored rows in the order they were written, None deletes; then :meth:`loaded`.

        They do not count as changed. Keys of others are ignored.
        """
        latest = dict(rows)
        self._load_values(*_split(latest, VALUE))
        # A deleted account has no edges either, or has a new row: nothing to do for it.
        there, _ = _split(latest, ACCOUNT)
        slots = self.account_slots([*map(account_of, there)])
        _fill(self.accounts, slots, decode(there.values(), AccountRow))
        self.accounts["stored"][slots] = True
        self._load_edges(*_split(latest, EDGE))

    def loaded(self) -> None:
        """Say that all rows are loaded: forget what turned out to have no edges."""
        since, last = self._times()
        silent = self.values.used & ~self.values["stored"]
        self.values["since"][silent], self.values["last"][silent] = since[silent], last[silent]
        bare = (self.values["size"] == 0) & ~self.values["popular"]
        self._forget_values(np.flatnonzero(self.values.used & bare))
        lonely = self.accounts["degree"] == 0
        self._forget_accounts(np.flatnonzero(self.accounts.used & lonely))

    def _load_values(self, there: dict[bytes, bytes], gone: list[bytes]) -> None:
        known = [self._value_of.get(value_of(key)) for key in gone]
        slots = np.array([slot for slot in known if slot is not None], np.int64)
        # It may come back, and then with edges that say everything.
        self.values.reset(slots, ("stored", *ValueRow.__struct_fields__))
        slots = self._joint_slots([*map(value_of, there)])
        _fill(self.values, slots, decode(there.values(), ValueRow))
        self.values["stored"][slots] = True

    def _load_edges(self, there: dict[bytes, bytes], gone: list[bytes]) -> None:
        known = [
            self._edge_of.get(value << 32 | account)
            for key in gone
            if (value := self._value_of.get(value_of(key))) is not None
            and (account := self._account_of.get(edge_account_of(key))) is not None
        ]
        self._unlink(np.array([slot for slot in known if slot is not None], np.int64))
        values = self._joint_slots([*map(value_of, there)])
        accounts = self.account_slots([*map(edge_account_of, there)])
        slots = self.edge_slots(values, accounts, most=_UNBOUNDED)
        _fill(self.edges, slots, decode(there.values(), EdgeRow))
        self.edges["stored"][slots] = True

    def _needed(self, values: Array, rows: dict[bytes, bytes | None]) -> Array:
        """Return which values (slots) need a row; delete those of others, whose edges tell all."""
        if not len(values):
            return values
        since, last = self._times()
        columns, stored = self.values, self.values["stored"]
        more = columns["popular"] | columns["changed"] | (columns["sent"] > -np.inf)
        more |= (columns["since"] != since) | (columns["last"] != last)
        more = more[values]
        rows.update(dict.fromkeys(map(value_key, self._joints(values[~more & stored[values]]))))
        stored[values] = more
        return values[more]

    def _times(self) -> tuple[Array, Array]:
        """Return first and last use of each value as its edges have it, shape ``(capacity,)``."""
        edges = self.edges.slots
        values = self.edges["value"][edges]
        since = np.full(len(self.values.used), np.inf)
        last = -since
        np.minimum.at(since, values, self.edges["since"][edges])
        np.maximum.at(last, values, self.edges["last"][edges])
        return since, last


def _take_dirty(columns: Columns) -> Array:
    slots = np.flatnonzero(columns.used & columns["dirty"])
    columns["dirty"][:] = False
    return slots


def _split(
    rows: dict[bytes, bytes | None], prefix: bytes
) -> tuple[dict[bytes, bytes], list[bytes]]:
    """Return the rows with this prefix, and the keys of those that are deleted."""
    there = {k: row for k, row in rows.items() if k[:1] == prefix and row is not None}
    return there, [key for key, row in rows.items() if key[:1] == prefix and row is None]


def _fill(columns: Columns, slots: Array, rows: list[Row]) -> None:
    if rows:
        values = zip(*map(astuple, rows), strict=True)
        for name, column in zip(rows[0].__struct_fields__, values, strict=True):
            columns[name][slots] = column
