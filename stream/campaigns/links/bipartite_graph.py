"""The bipartite graph of links: indicators, accounts, and which account used which indicator.

The tasks of the links stage and the cluster detector each keep one. It only stores: what is
forgotten when it is full is up to :mod:`stream.campaigns.links.eviction`, and how it is made
durable to :mod:`stream.campaigns.links.durable_graph`.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.links.deleted_rows import DeletedRows
from stream.campaigns.links.graph_columns import ACCOUNTS, EDGES, VALUES
from stream.store.columns import ColumnStore
from stream.store.hash_index import HashIndex
from stream.store.interner import Interner
from stream.store.order import ascending, cumcount

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.campaigns.types import Kinds
    from stream.core.batch import AccountSlots, EdgeSlots, Fingerprints, Positions, ValueSlots


class BipartiteGraph:
    """Columns of ``values`` (indicators), ``accounts`` and ``edges``; they are public."""

    def __init__(self) -> None:
        """Start empty."""
        self.values: Final = ColumnStore(VALUES)
        self.accounts: Final = ColumnStore(ACCOUNTS)
        self.edges: Final = ColumnStore(EDGES)
        self.deleted: Final = DeletedRows()
        self._names: Final = Interner()
        self._value_of: Final = HashIndex(self.values, ("kind", "value"))
        self._edge_of: Final = HashIndex(self.edges, ("value", "account"))

    # -- finding and adding -------------------------------------------------------------------

    def names(self, accounts: AccountSlots) -> list[str]:
        """Return the ids of accounts."""
        return self._names.names(accounts)

    def find_values(self, kinds: Kinds, values: Fingerprints) -> ValueSlots:
        """Return the slots of indicators, -1 for unknown ones; shape ``(n,)``, i8."""
        return self._value_of.find(kinds, values)

    def value_slots(
        self, kinds: Sequence[int] | Kinds, values: Sequence[int] | Fingerprints
    ) -> ValueSlots:
        """Return the slots of indicators, adding missing ones; shape ``(n,)``, i8."""
        kinds, values = np.asarray(kinds, np.uint8), np.asarray(values, np.uint64)
        slots = self._value_of.find(kinds, values)
        missing = np.flatnonzero(slots < 0)
        if len(missing):
            kind, value = kinds[missing], values[missing]
            first, of_row = distinct(kind, value)
            new = self.values.allocate(len(first))
            self.values["kind"][new] = kind[first]
            self.values["value"][new] = value[first]
            self._value_of.add(new)
            slots[missing] = new[of_row]
        return slots

    def find_accounts(self, names: Sequence[str]) -> AccountSlots:
        """Return the slots of accounts, -1 for those without any edge; shape ``(n,)``, i8."""
        return self._names.find(names)

    def account_slots(self, names: Sequence[str]) -> AccountSlots:
        """Return the slots of accounts, adding missing ones; shape ``(n,)``, i8."""
        slots = self.find_accounts(names)
        missing = np.flatnonzero(slots < 0)
        if len(missing):
            new = list(dict.fromkeys(names[i] for i in missing.tolist()))
            taken = self.accounts.allocate(len(new))
            self._names.add(taken, new)
            self.accounts["hash"][taken] = [zlib.crc32(name.encode()) for name in new]
            slots[missing] = self.find_accounts([names[i] for i in missing.tolist()])
        return slots

    def edge_slots(self, values: ValueSlots, accounts: AccountSlots, *, most: int) -> EdgeSlots:
        """Return the slots of distinct edges, adding missing ones while an indicator has room.

        Shape ``(n,)``, i8; -1 where the indicator already has ``most`` accounts.
        """
        slots = self._edge_of.find(values, accounts)
        missing = np.flatnonzero(slots < 0)
        if len(missing):
            room = most - self.values["size"][values[missing]]
            fits = cumcount(values[missing]) < room
            if not fits.all():  # which accounts come first must not depend on slots
                names = self.names(accounts[missing])
                order = np.array(sorted(range(len(missing)), key=names.__getitem__))
                fits[order] = cumcount(values[missing][order]) < room[order]
            admitted = missing[fits]
            new = self.edges.allocate(len(admitted))
            slots[admitted] = new
            self.edges["value"][new] = values[admitted]
            self.edges["account"][new] = accounts[admitted]
            self._edge_of.add(new)
            np.add.at(self.values["size"], values[admitted], 1)
            np.add.at(self.accounts["degree"], accounts[admitted], 1)
        return slots

    def touch(self, edges: EdgeSlots) -> None:
        """Note that edges have changed: the times of their indicators, and what to write."""
        values = self.edges["value"][edges]
        np.minimum.at(self.values["since"], values, self.edges["since"][edges])
        np.maximum.at(self.values["last"], values, self.edges["last"][edges])
        self.values["changed"][values] = True
        self.values["dirty"][values] = True
        self.edges["dirty"][edges] = True
        self.edges["unsent"][edges] = True

    def edges_of(self, values: ValueSlots) -> EdgeSlots:
        """Return the edges of indicators, ascending, shape ``(n,)``, i8."""
        wanted = np.zeros(len(self.values.used), bool)
        wanted[values] = True
        return np.flatnonzero(self.edges.used & wanted[self.edges["value"]])

    def rename(self, values: ValueSlots, numbers: Fingerprints) -> None:
        """Give indicators other fingerprints, which are not known yet; they keep the old as alias.

        Their rows, and those of their edges, are written again.
        """
        columns = self.values
        self.deleted.lost_values(columns, values)
        self._value_of.remove(values)
        columns["alias"][values] = columns["value"][values]
        columns["value"][values] = numbers
        self._value_of.add(values)
        columns["stored"][values] = False
        columns["dirty"][values] = True
        self.edges["dirty"][self.edges_of(values)] = True

    # -- forgetting ---------------------------------------------------------------------------

    def remove(self, edges: EdgeSlots) -> None:
        """Forget edges, and indicators and accounts that have none left."""
        if not len(edges):
            return
        self.deleted.lost_edges(self.edges["account"][edges], self.edges["chunk"][edges])
        values, accounts = self.unlink(edges)
        self.values["dirty"][values] = True  # no edge has their times any more
        bare = (self.values["size"][values] == 0) & ~self.values["high_prevalence"][values]
        self.forget_values(values[bare])
        lonely = accounts[self.accounts["degree"][accounts] == 0]
        self.deleted.lost_accounts(self.names(lonely), self.accounts["chunks"][lonely])
        self.forget_accounts(lonely)

    def forget_unlinked(self, accounts: AccountSlots) -> None:
        """Forget those accounts that have no edge: nothing else would."""
        accounts = ascending(accounts)
        self.forget_accounts(accounts[self.accounts["degree"][accounts] == 0])

    def unlink(self, edges: EdgeSlots) -> tuple[ValueSlots, AccountSlots]:
        """Release edges alone; return their indicators and accounts, each once."""
        values, accounts = self.edges["value"][edges], self.edges["account"][edges]
        self._edge_of.remove(edges)
        np.subtract.at(self.values["size"], values, 1)
        np.subtract.at(self.accounts["degree"], accounts, 1)
        self.edges.release(edges)
        return ascending(values), ascending(accounts)

    def forget_values(self, values: ValueSlots) -> None:
        """Forget indicators without edges."""
        self.deleted.lost_values(self.values, values)
        self._value_of.remove(values)
        self.values.release(values)

    def forget_accounts(self, accounts: AccountSlots) -> None:
        """Forget accounts without edges."""
        self._names.remove(accounts)
        self.accounts.release(accounts)


def distinct(kinds: Kinds, values: Fingerprints) -> tuple[Positions, Positions]:
    """Return where each distinct pair is first, in their order, and which of them each row has.

    As ``np.unique`` over rows of a matrix does, which sorts them as strings of bytes.
    """
    order = np.lexsort((values, kinds))
    kind, value = kinds[order], values[order]
    new = np.ones(len(order), bool)
    new[1:] = (kind[1:] != kind[:-1]) | (value[1:] != value[:-1])
    of_row = np.empty(len(order), np.int64)
    of_row[order] = np.cumsum(new) - 1
    return order[new], of_row
