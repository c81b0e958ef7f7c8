"""The durable rows of a bipartite graph: those that changed, and loading them back in bulk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.links.deleted_rows import CHUNK_BITS, chunk_codes
from stream.campaigns.links.rows import (
    ACCOUNT,
    EDGE,
    HEAD,
    MOST_CHUNKS,
    VALUE,
    VALUE_ROW,
    chunk_contents,
    chunk_keys,
    chunk_rows,
    chunks_of,
    cut,
    value_keys,
    value_rows,
    values_of,
)
from stream.core.links import SPREAD
from stream.store.layouts import of_dtype
from stream.store.order import lexical

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.campaigns.types import Records
    from stream.core.batch import (
        AccountSlots,
        Counts,
        EdgeSlots,
        Positions,
        Seconds,
        Slots,
        ValueSlots,
    )
    from stream.store.columns import ColumnStore

_UNBOUNDED: Final = 2**62
#: An account with more edges than this has enough chunks that each has half of it at most.
_FULL: Final = 8
_CHUNK: Final = (1 << CHUNK_BITS) - 1
_HIGH: Final = np.uint64(48)
_OF_EDGE: Final = tuple(name for name in EDGE.names or () if name not in {"kind", "value"})


class DurableGraph:
    """Reads and writes a graph as rows; their form is that of rows.py."""

    #: What stored rows consist of.
    layout: Final = {
        name: of_dtype(row)
        for name, row in (("account", HEAD), ("edge", EDGE), ("value", VALUE_ROW))
    }

    def __init__(self, graph: BipartiteGraph) -> None:
        """Store ``graph``, which notes itself what of it changes."""
        self._graph = graph

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return the rows changed since the last call; None deletes."""
        columns = self._graph.values
        rows: dict[bytes, bytes | None] = dict.fromkeys(self._graph.deleted.take_keys())
        values = self._with_row(_take_dirty(columns), rows)
        stored = _filled(columns, values, np.empty(len(values), VALUE_ROW))
        rows.update(zip(_keys(columns, values), cut(stored), strict=True))
        rows.update(self._changed_chunks())
        return list(rows.items())

    def load(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take over stored rows in the order they were written, None deletes; then :meth:`loaded`.

        They do not count as changed. Keys of others are ignored.
        """
        latest = dict(rows)
        self._load_values(*_split(latest, VALUE))
        self._load_chunks(*_split(latest, ACCOUNT))

    def loaded(self) -> None:
        """Continue with the loaded rows: forget what turned out to have no edges."""
        graph, values, accounts = self._graph, self._graph.values, self._graph.accounts
        since, last = self._times()
        rowless = values.used & ~values["stored"]
        values["since"][rowless], values["last"][rowless] = since[rowless], last[rowless]
        bare = (values["size"] == 0) & ~values["high_prevalence"]
        graph.forget_values(np.flatnonzero(values.used & bare))
        lonely = accounts["degree"] == 0
        graph.forget_accounts(np.flatnonzero(accounts.used & lonely))

    # -- indicators -----------------------------------------------------------------------------

    def _load_values(self, there: dict[bytes, bytes], gone: list[bytes]) -> None:
        values = self._graph.values
        slots = self._graph.find_values(*values_of(gone))
        # An indicator without a row may still have edges, which hold all of it.
        values.reset(slots[slots >= 0], ("stored", *(VALUE_ROW.names or ())))
        slots, rows = self._graph.value_slots(*values_of(there)), value_rows(there.values())
        for name in VALUE_ROW.names or ():
            values[name][slots] = rows[name]
        values["stored"][slots] = True

    def _with_row(self, values: ValueSlots, rows: dict[bytes, bytes | None]) -> ValueSlots:
        """Return which indicators need a row; delete those of others, whose edges hold all of them.

        An indicator needs one for what no edge holds: prevalence, alias, times of forgotten edges.
        """
        if not len(values):
            return values
        since, last = self._times()
        columns, stored = self._graph.values, self._graph.values["stored"]
        more = columns["high_prevalence"] | columns["changed"] | (columns["sent"] > -np.inf)
        more |= columns["alias"] != 0
        more |= (columns["since"] != since) | (columns["last"] != last)
        more = more[values]
        rows.update(dict.fromkeys(_keys(columns, values[~more & stored[values]])))
        stored[values] = more
        return values[more]

    def _times(self) -> tuple[Seconds, Seconds]:
        """Return first and last use of each indicator by its edges, shape ``(capacity,)``."""
        columns = self._graph.edges
        edges = columns.in_use
        values = columns["value"][edges]
        since = np.full(len(self._graph.values.used), np.inf)
        last = -since
        np.minimum.at(since, values, columns["since"][edges])
        np.maximum.at(last, values, columns["last"][edges])
        return since, last

    # -- accounts and their edges ---------------------------------------------------------------

    def _changed_chunks(self) -> list[tuple[bytes, bytes | None]]:
        edges, accounts, values = self._graph.edges, self._graph.accounts, self._graph.values
        touched = np.zeros(len(edges.used), bool)
        touched[_take_dirty(edges)] = True
        left = self._graph.deleted.take_chunks()
        left = left[accounts.used[left >> CHUNK_BITS]]
        changed = np.zeros(len(accounts.used), bool)
        for some in (_take_dirty(accounts), edges["account"][touched], left >> CHUNK_BITS):
            changed[some] = True
        which = np.flatnonzero(changed)
        if not len(which):
            return []
        self._assign_chunks(which)
        at = np.flatnonzero(edges.used & changed[edges["account"]])
        before, now = edges["chunk"][at], self._chunks_of(at)
        moved, account = before != now, edges["account"][at]
        code = chunk_codes(account, now)
        wanted = np.sort(
            np.concatenate(
                [
                    chunk_codes(which, 0),
                    left,
                    code[touched[at] | moved],
                    chunk_codes(account, before)[moved & (before >= 0)],
                ]
            )
        )
        wanted = wanted[np.diff(wanted, prepend=-1) > 0]
        edges["chunk"][at] = now
        written = wanted[np.minimum(np.searchsorted(wanted, code), len(wanted) - 1)] == code
        at, code = at[written], code[written]
        value = edges["value"][at]
        order = lexical(code, values["value"][value], values["kind"][value])
        start, stop = (np.searchsorted(code[order], wanted, side=s) for s in ("left", "right"))
        return self._chunk_rows(wanted, at[order], stop - start)

    def _chunk_rows(
        self, codes: Positions, edges: EdgeSlots, sizes: Counts
    ) -> list[tuple[bytes, bytes | None]]:
        """Return the rows of chunks; ``edges`` has those of each chunk in order, ``sizes`` each."""
        graph = self._graph
        accounts, chunks = codes >> CHUNK_BITS, (codes & _CHUNK).tolist()
        heads = _filled(graph.accounts, accounts, np.empty(len(codes), HEAD))
        rows, values = np.empty(len(edges), EDGE), graph.edges["value"][edges]
        rows["kind"], rows["value"] = graph.values["kind"][values], graph.values["value"][values]
        for name in _OF_EDGE:
            rows[name] = graph.edges[name][edges]
        keys = chunk_keys(graph.names(accounts), chunks)
        return list(zip(keys, chunk_rows(chunks, heads, rows, sizes), strict=True))

    def _assign_chunks(self, accounts: AccountSlots) -> None:
        """Give accounts the number of chunks that their edges take now, whatever it was before."""
        degree = self._graph.accounts["degree"][accounts]
        chunks = 2 ** np.ceil(np.log2(np.maximum(2 * degree / _FULL, 1))).astype(np.int64)
        chunks = np.where(degree > _FULL, np.minimum(chunks, MOST_CHUNKS), 1)
        self._graph.accounts["chunks"][accounts] = chunks

    def _chunks_of(self, edges: EdgeSlots) -> Positions:
        """Return the chunk that each edge belongs to, shape ``(n,)``, i8."""
        graph = self._graph
        values = graph.values["value"][graph.edges["value"][edges]]
        chunks = graph.accounts["chunks"][graph.edges["account"][edges]]
        return np.asarray(((values * SPREAD) >> _HIGH).astype(np.int64) & (chunks - 1))

    def _load_chunks(self, there: dict[bytes, bytes], gone: list[bytes]) -> None:
        graph = self._graph
        names, chunks = chunks_of([*there, *gone])
        self._forget_chunks(graph.find_accounts(names), chunks)
        chunks = chunks[: len(there)]
        heads, rows, sizes = chunk_contents(chunks, [*there.values()])
        accounts = graph.account_slots(names[: len(there)])
        for name in HEAD.names or ():
            graph.accounts[name][accounts[chunks == 0]] = heads[name]
        values = graph.value_slots(rows["kind"], rows["value"])
        edges = graph.edge_slots(values, np.repeat(accounts, sizes), most=_UNBOUNDED)
        for name in _OF_EDGE:
            graph.edges[name][edges] = rows[name]
        graph.edges["chunk"][edges] = np.repeat(chunks, sizes)

    def _forget_chunks(self, accounts: AccountSlots, chunks: Positions) -> None:
        """Forget the edges in chunks of accounts (-1: unknown): newer rows have them."""
        known = accounts >= 0
        if known.any():
            columns = self._graph.edges
            edges = columns.in_use
            code = chunk_codes(columns["account"][edges], columns["chunk"][edges])
            newer = chunk_codes(accounts[known], chunks[known])
            self._graph.unlink(edges[np.isin(code, newer)])


def _keys(columns: ColumnStore, values: ValueSlots) -> list[bytes]:
    return value_keys(columns["kind"][values], columns["value"][values])


def _filled(columns: ColumnStore, slots: Slots, rows: Records) -> Records:
    """Fill the fields of rows from columns of the same names."""
    for name in rows.dtype.names or ():
        rows[name] = columns[name][slots]
    return rows


def _take_dirty(columns: ColumnStore) -> Slots:
    slots = np.flatnonzero(columns.used & columns["dirty"])
    columns["dirty"][:] = False
    return slots


def _split(
    rows: dict[bytes, bytes | None], prefix: bytes
) -> tuple[dict[bytes, bytes], list[bytes]]:
    """Return the rows with this prefix, and the keys of those that are deleted."""
    there = {k: row for k, row in rows.items() if k[:1] == prefix and row is not None}
    return there, [key for key, row in rows.items() if key[:1] == prefix and row is None]
