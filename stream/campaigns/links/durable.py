"""An edge table and its durable rows: those that changed, and loading them back in bulk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.links.edges import PAGE_BITS, EdgeTable, page_codes
from stream.campaigns.links.rows import (
    ACCOUNT,
    EDGE,
    HEAD,
    MOST_PAGES,
    VALUE,
    VALUE_ROW,
    cut,
    page_contents,
    page_keys,
    page_rows,
    pages_of,
    value_rows,
    values_of,
)
from stream.core.links import SPREAD
from stream.store.order import lexical

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.core.batch import Array
    from stream.store.columns import ColumnStore

_UNBOUNDED: Final = 2**62
#: An account with more edges than this has as many pages as have half of it at most.
_FULL: Final = 8
_PAGE: Final = (1 << PAGE_BITS) - 1
_HIGH: Final = np.uint64(48)
_OF_EDGE: Final = tuple(name for name in EDGE.names or () if name not in {"kind", "value"})


class DurableEdges(EdgeTable):
    """An edge table that can be stored; rows are those of :mod:`stream.campaigns.links.rows`."""

    #: What stored rows consist of.
    LAYOUT: Final = {
        name: " ".join(f"{field}{row[field].str}" for field in row.names or ())
        for name, row in (("account", HEAD), ("edge", EDGE), ("value", VALUE_ROW))
    }

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return the rows changed since the last call; None deletes."""
        rows: dict[bytes, bytes | None] = dict.fromkeys(sorted(self._gone))
        self._gone.clear()
        values = self._needed(_take_dirty(self.values), rows)
        stored = _taken(self.values, values, np.empty(len(values), VALUE_ROW))
        rows.update(zip(self._value_keys(values), cut(stored), strict=True))
        rows.update(self._changed_pages())
        return list(rows.items())

    def load(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take over stored rows in the order they were written, None deletes; then :meth:`loaded`.

        They do not count as changed. Keys of others are ignored.
        """
        latest = dict(rows)
        self._load_values(*_split(latest, VALUE))
        self._load_pages(*_split(latest, ACCOUNT))

    def loaded(self) -> None:
        """Say that all rows are loaded: forget what turned out to have no edges."""
        since, last = self._times()
        silent = self.values.used & ~self.values["stored"]
        self.values["since"][silent], self.values["last"][silent] = since[silent], last[silent]
        bare = (self.values["size"] == 0) & ~self.values["popular"]
        self._forget_values(np.flatnonzero(self.values.used & bare))
        lonely = self.accounts["degree"] == 0
        self._forget_accounts(np.flatnonzero(self.accounts.used & lonely))

    # -- values -------------------------------------------------------------------------------

    def _load_values(self, there: dict[bytes, bytes], gone: list[bytes]) -> None:
        slots = self._value_of.find(*values_of(gone))
        # It may come back, and then with edges that say everything.
        self.values.reset(slots[slots >= 0], ("stored", *(VALUE_ROW.names or ())))
        slots, rows = self.value_slots(*values_of(there)), value_rows(there.values())
        for name in VALUE_ROW.names or ():
            self.values[name][slots] = rows[name]
        self.values["stored"][slots] = True

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
        edges = self.edges.in_use
        values = self.edges["value"][edges]
        since = np.full(len(self.values.used), np.inf)
        last = -since
        np.minimum.at(since, values, self.edges["since"][edges])
        np.maximum.at(last, values, self.edges["last"][edges])
        return since, last

    # -- accounts and their edges ---------------------------------------------------------------

    def _changed_pages(self) -> list[tuple[bytes, bytes | None]]:
        edges, accounts = self.edges, self.accounts
        touched = np.zeros(len(edges.used), bool)
        touched[_take_dirty(edges)] = True
        left = np.array(sorted(self._left), np.int64)
        left = left[accounts.used[left >> PAGE_BITS]]
        self._left.clear()
        changed = np.zeros(len(accounts.used), bool)
        for some in (_take_dirty(accounts), edges["account"][touched], left >> PAGE_BITS):
            changed[some] = True
        which = np.flatnonzero(changed)
        if not len(which):
            return []
        self._give_pages(which)
        at = np.flatnonzero(edges.used & changed[edges["account"]])
        before, now = edges["page"][at], self._pages_of(at)
        moved, account = before != now, edges["account"][at]
        code = page_codes(account, now)
        wanted = np.sort(
            np.concatenate(
                [
                    page_codes(which, 0),
                    left,
                    code[touched[at] | moved],
                    page_codes(account, before)[moved & (before >= 0)],
                ]
            )
        )
        wanted = wanted[np.diff(wanted, prepend=-1) > 0]
        edges["page"][at] = now
        told = wanted[np.minimum(np.searchsorted(wanted, code), len(wanted) - 1)] == code
        at, code = at[told], code[told]
        value = edges["value"][at]
        order = lexical(code, self.values["value"][value], self.values["kind"][value])
        start, stop = (np.searchsorted(code[order], wanted, side=s) for s in ("left", "right"))
        return self._pages(wanted, at[order], stop - start)

    def _pages(self, codes: Array, edges: Array, sizes: Array) -> list[tuple[bytes, bytes | None]]:
        """Return the rows of pages; ``edges`` has those of each page, so many, in order."""
        accounts, pages = codes >> PAGE_BITS, (codes & _PAGE).tolist()
        heads = _taken(self.accounts, accounts, np.empty(len(codes), HEAD))
        rows, values = np.empty(len(edges), EDGE), self.edges["value"][edges]
        rows["kind"], rows["value"] = self.values["kind"][values], self.values["value"][values]
        for name in _OF_EDGE:
            rows[name] = self.edges[name][edges]
        keys = page_keys(self.names(accounts), pages)
        return list(zip(keys, page_rows(pages, heads, rows, sizes), strict=True))

    def _give_pages(self, accounts: Array) -> None:
        """Give accounts (slots) as many pages as their edges take now, whatever was before."""
        degree = self.accounts["degree"][accounts]
        pages = 2 ** np.ceil(np.log2(np.maximum(2 * degree / _FULL, 1))).astype(np.int64)
        pages = np.where(degree > _FULL, np.minimum(pages, MOST_PAGES), 1)
        self.accounts["pages"][accounts] = pages

    def _pages_of(self, edges: Array) -> Array:
        """Return the page that each edge belongs on, shape ``(n,)``, i8."""
        values = self.values["value"][self.edges["value"][edges]]
        pages = self.accounts["pages"][self.edges["account"][edges]]
        return np.asarray(((values * SPREAD) >> _HIGH).astype(np.int64) & (pages - 1))

    def _load_pages(self, there: dict[bytes, bytes], gone: list[bytes]) -> None:
        names, pages = pages_of([*there, *gone])
        self._forget_pages(self.find_accounts(names), pages)
        pages = pages[: len(there)]
        heads, rows, sizes = page_contents(pages, [*there.values()])
        accounts = self.account_slots(names[: len(there)])
        for name in HEAD.names or ():
            self.accounts[name][accounts[pages == 0]] = heads[name]
        values = self.value_slots(rows["kind"], rows["value"])
        edges = self.edge_slots(values, np.repeat(accounts, sizes), most=_UNBOUNDED)
        for name in _OF_EDGE:
            self.edges[name][edges] = rows[name]
        self.edges["page"][edges] = np.repeat(pages, sizes)

    def _forget_pages(self, accounts: Array, pages: Array) -> None:
        """Forget the edges on pages of accounts (slots, -1: unknown) that are told anew."""
        known = accounts >= 0
        if known.any():
            edges = self.edges.in_use
            code = page_codes(self.edges["account"][edges], self.edges["page"][edges])
            told = page_codes(accounts[known], pages[known])
            self._unlink(edges[np.isin(code, told)])


def _taken(columns: ColumnStore, slots: Array, rows: Array) -> Array:
    """Fill the fields of rows from columns of the same names."""
    for name in rows.dtype.names or ():
        rows[name] = columns[name][slots]
    return rows


def _take_dirty(columns: ColumnStore) -> Array:
    slots = np.flatnonzero(columns.used & columns["dirty"])
    columns["dirty"][:] = False
    return slots


def _split(
    rows: dict[bytes, bytes | None], prefix: bytes
) -> tuple[dict[bytes, bytes], list[bytes]]:
    """Return the rows with this prefix, and the keys of those that are deleted."""
    there = {k: row for k, row in rows.items() if k[:1] == prefix and row is not None}
    return there, [key for key, row in rows.items() if key[:1] == prefix and row is None]
