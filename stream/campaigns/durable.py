"""An edge table and its durable rows: those that changed, and loading them back in bulk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.edges import EdgeTable
from stream.campaigns.rows import (
    ACCOUNT,
    ACCOUNT_ROW,
    EDGE,
    EDGE_ROW,
    VALUE,
    VALUE_ROW,
    account_keys,
    accounts_of,
    decode,
    edge_accounts_of,
    encode,
    values_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.campaigns.columns import Columns
    from stream.types.batch import Array

_UNBOUNDED: Final = 2**62


class DurableEdges(EdgeTable):
    """An edge table that can be stored; rows are those of :mod:`stream.campaigns.rows`."""

    #: What stored rows consist of.
    LAYOUT: Final = {
        name: " ".join(f"{field}{row[field].str}" for field in row.names or ())
        for name, row in (("account", ACCOUNT_ROW), ("edge", EDGE_ROW), ("value", VALUE_ROW))
    }

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return the rows changed since the last call; None deletes."""
        rows: dict[bytes, bytes | None] = dict.fromkeys(sorted(self._gone))
        self._gone.clear()
        values, accounts, edges = map(_take_dirty, (self.values, self.accounts, self.edges))
        values = self._needed(values, rows)
        self.accounts["stored"][accounts] = self.edges["stored"][edges] = True
        for keys, columns, slots, row in (
            (self._value_keys(values), self.values, values, VALUE_ROW),
            (account_keys(self.names(accounts)), self.accounts, accounts, ACCOUNT_ROW),
            (self._edge_keys(edges), self.edges, edges, EDGE_ROW),
        ):
            rows.update(zip(keys, encode(columns, slots, row), strict=True))
        return list(rows.items())

    def load(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take over stored rows in the order they were written, None deletes; then :meth:`loaded`.

        They do not count as changed. Keys of others are ignored.
        """
        latest = dict(rows)
        self._load_values(*_split(latest, VALUE))
        # A deleted account has no edges either, or has a new row: nothing to do for it.
        there, _ = _split(latest, ACCOUNT)
        slots = self.account_slots(accounts_of(there))
        _fill(self.accounts, slots, decode(there.values(), ACCOUNT_ROW))
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
        slots = self._value_of.find(*values_of(gone))
        # It may come back, and then with edges that say everything.
        self.values.reset(slots[slots >= 0], ("stored", *(VALUE_ROW.names or ())))
        _fill(self.values, self.value_slots(*values_of(there)), decode(there.values(), VALUE_ROW))

    def _load_edges(self, there: dict[bytes, bytes], gone: list[bytes]) -> None:
        values = self._value_of.find(*values_of(gone))
        slots = self._edge_of.find(values, self.find_accounts(edge_accounts_of(gone)))
        self._unlink(slots[slots >= 0])
        values = self.value_slots(*values_of(there))
        accounts = self.account_slots(edge_accounts_of(there))
        slots = self.edge_slots(values, accounts, most=_UNBOUNDED)
        _fill(self.edges, slots, decode(there.values(), EDGE_ROW))

    def _needed(self, values: Array, rows: dict[bytes, bytes | None]) -> Array:
        """Return which values (slots) need a row; delete those of others, whose edges tell all."""
        if not len(values):
            return values
        since, last = self._times()
        columns, stored = self.values, self.values["stored"]
        more = columns["popular"] | columns["changed"] | (columns["sent"] > -np.inf)
        more |= (columns["since"] != since) | (columns["last"] != last)
        more = more[values]
        rows.update(dict.fromkeys(self._value_keys(values[~more & stored[values]])))
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


def _fill(columns: Columns, slots: Array, rows: Array) -> None:
    for name in rows.dtype.names or ():
        columns[name][slots] = rows[name]
    columns["stored"][slots] = True
