"""A bounded table of who used which linking value: values, accounts and the edges between them.

The links tasks and the clusters both keep one. It counts and forgets; it does not judge, and
how it is stored is :mod:`stream.campaigns.links.durable`'s.

When it is full, whoever filled it makes room. An account's values are ranked by what they are
worth to it, and those of the lowest rank go first, so no account keeps more of them than the
others (max-min fairness). A value of a single account links nobody yet: such values make room
for one another, and shared ones go only while they take more than their half. As in 2Q (Johnson
and Shasha, VLDB 1994), no number of values that are used once pushes out those that are not.
"""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from stream.campaigns.links.rows import cut, page_keys, value_keys
from stream.core.findings import Member
from stream.core.traffic import COUNTS, TRAFFIC
from stream.store.columns import ColumnStore, Field
from stream.store.hash_index import HashIndex
from stream.store.interner import Interner
from stream.store.order import ascending, cumcount

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stream.core.batch import Array

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
    Field("organization", _U8),
    Field("created_at", _F8, initial=np.nan),
    Field("first_seen", _F8, initial=np.inf),
    Field("day_requests", _F8),
    Field("active_hours", np.dtype("u1")),
    Field("traffic", TRAFFIC),  # as it was told last
    Field("hash", np.dtype("<u4")),  # of the id; the same everywhere
    Field("pages", _I8),  # that its durable rows are, 0 before there are any
    Field("dirty", _BOOL),
)
_EDGES: Final = (
    Field("value", _I8),
    Field("account", _I8),
    Field("since", _F8, initial=np.inf),
    Field("last", _F8, initial=-np.inf),
    Field("requests", _I8),
    Field("before", COUNTS),  # of its account, before the step of the first use
    Field("fresh", _BOOL, initial=1),  # never sent on
    Field("unsent", _BOOL, initial=1),  # changed since it was sent on
    Field("page", np.dtype("<i4"), initial=-1),  # of its account that it is stored on
    Field("dirty", _BOOL),
)
_TOLD_OF_EDGE: Final = ("since", "last", "requests")
#: What is known of an account besides its values, as it travels with a group.
OF_ACCOUNT: Final[Mapping[str, np.dtype[Any]]] = {
    "organization": _U8,
    "created_at": _F8,
    "first_seen": _F8,
    "day_requests": _F8,
    "active_hours": np.dtype("u1"),
}
#: An account (slot) and one of its pages are one number.
PAGE_BITS: Final = 16
#: One doubling of the accounts of a value is worth as much as this much recency.
_SIZE_BONUS_S: Final = 86400.0
#: The part of a full table, one in so many, that values of single accounts have to themselves.
_SINGLE: Final = 2
#: One in so many edges go at once: ranking them takes a pass over all.
_SPARE: Final = 16
#: Popular values have no edges; there may be one for so many that the table has room for.
_POPULAR: Final = 8


class EdgeTable:
    """Values, accounts and edges in columns; ``values``, ``accounts`` and ``edges`` are public."""

    def __init__(self, *, max_edges: int) -> None:
        """Hold at most about ``max_edges`` edges once :meth:`shrink` has been called."""
        self.values: Final = ColumnStore(_VALUES)
        self.accounts: Final = ColumnStore(_ACCOUNTS)
        self.edges: Final = ColumnStore(_EDGES)
        self._max_edges = max_edges
        self._names: Final = Interner()
        self._value_of: Final = HashIndex(self.values, ("kind", "value"))
        self._edge_of: Final = HashIndex(self.edges, ("value", "account"))
        self._gone: set[bytes] = set()
        self._left: set[int] = set()  # accounts (slots) with the pages that stored edges were on

    def names(self, accounts: Array) -> list[str]:
        """Return the ids of accounts."""
        return self._names.names(accounts)

    # -- finding and adding -------------------------------------------------------------------

    def find_values(self, values: Sequence[tuple[int, int]]) -> Array:
        """Return the slots of values, -1 for those that are not known; shape ``(n,)``, i8."""
        count = len(values)
        kinds = np.fromiter((kind for kind, _ in values), np.uint8, count)
        return self._value_of.find(
            kinds, np.fromiter((value for _, value in values), np.uint64, count)
        )

    def value_slots(self, kinds: Sequence[int] | Array, values: Sequence[int] | Array) -> Array:
        """Return the slots of linking values, adding missing ones; shape ``(n,)``, i8."""
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

    def account_slots(self, names: Sequence[str]) -> Array:
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

    def find_accounts(self, names: Sequence[str]) -> Array:
        """Return the slots of accounts, -1 for those without any edge; shape ``(n,)``, i8."""
        return self._names.find(names)

    def known(self, names: Iterable[str]) -> set[str]:
        """Return those of some accounts that have an edge."""
        names = [*names]
        found = self.find_accounts(names) >= 0
        return {names[i] for i in np.flatnonzero(found).tolist()}

    def edge_slots(self, values: Array, accounts: Array, *, most: int) -> Array:
        """Return the slots of distinct edges, adding missing ones while a value has room.

        Shape ``(n,)``, i8; -1 where the value already has ``most`` accounts.
        """
        slots = self._edge_of.find(values, accounts)
        missing = np.flatnonzero(slots < 0)
        if len(missing):
            room = most - self.values["size"][values[missing]]
            fits = cumcount(values[missing]) < room
            if not fits.all():  # who comes first must not depend on slots
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

    def touch(self, edges: Array) -> None:
        """Note that edges have changed: their values' times, and what has to be written."""
        values = self.edges["value"][edges]
        np.minimum.at(self.values["since"], values, self.edges["since"][edges])
        np.maximum.at(self.values["last"], values, self.edges["last"][edges])
        self.values["changed"][values] = True
        self.values["dirty"][values] = True
        self.edges["dirty"][edges] = True
        self.edges["unsent"][edges] = True

    def note_accounts(self, accounts: Array, columns: Mapping[str, Array]) -> None:
        """Store :data:`OF_ACCOUNT` of accounts (slots); columns have the shape ``(n,)``.

        What is unknown now keeps its earlier value.
        """
        stored = self.accounts
        known = columns["organization"] != 0
        stored["organization"][accounts[known]] = columns["organization"][known]
        created = np.fmax(stored["created_at"][accounts], columns["created_at"])
        stored["created_at"][accounts] = created
        np.minimum.at(stored["first_seen"], accounts, columns["first_seen"])
        for name in ("day_requests", "active_hours"):
            stored[name][accounts] = columns[name]
        stored["dirty"][accounts] = True

    def note_traffic(self, accounts: Array, traffic: Array) -> None:
        """Store counters of accounts (slots) that are newer than those known; ``(n,)`` each.

        An account may stand there more than once: the latest counters stay.
        """
        newer = traffic["seen"] >= self.accounts["traffic"]["seen"][accounts]
        order = np.flatnonzero(newer)
        order = order[np.argsort(traffic["seen"][order], kind="stable")]
        self.accounts["traffic"][accounts[order]] = traffic.take(order)

    def edges_of(self, values: Array) -> Array:
        """Return the edges of values (slots), ascending, shape ``(n,)``, i8."""
        wanted = np.zeros(len(self.values.used), bool)
        wanted[values] = True
        return np.flatnonzero(self.edges.used & wanted[self.edges["value"]])

    def members(self, edges: Array) -> list[Member]:
        """Return edges as they travel in a group, in the order given."""
        accounts = self.edges["account"][edges]
        told = {name: self.edges[name][edges].tolist() for name in _TOLD_OF_EDGE}
        told |= {name: self.accounts[name][accounts].tolist() for name in OF_ACCOUNT}
        # NaN is not equal to itself, so equal groups would not be.
        told["created_at"] = [None if math.isnan(at) else at for at in told["created_at"]]
        told |= {"before": cut(self.edges["before"][edges])}
        told |= {"traffic": cut(self.accounts["traffic"][accounts])}
        rows = zip(self.names(accounts), *told.values(), strict=True)
        return [Member(*row) for row in rows]

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
        """Forget values while there is too much of anything; return how many."""
        known = len(self.values)
        self._shrink_popular()
        excess = len(self.edges) - self._max_edges
        if excess > 0:
            self.remove(self.edges_of(self._least(excess)))
        return known - len(self.values)

    def _shrink_popular(self) -> None:
        popular = np.flatnonzero(self.values.used & self.values["popular"])
        excess = len(popular) - self._max_edges // _POPULAR
        if excess > 0:
            self._forget_values(popular[self._by_worth(popular)[::-1][:excess]])

    def _least(self, excess: int) -> Array:
        """Return values (slots) with at least ``excess`` edges that make room."""
        values = np.flatnonzero(self.values.used & (self.values["size"] > 0))
        values = values[self._by_worth(values)]
        size = self.values["size"][values]
        single = size == 1
        singles = int(np.count_nonzero(single))
        others = int(size.sum()) - singles
        most = excess + self._max_edges // _SPARE
        from_singles = max(singles - self._max_edges // _SINGLE, excess - others)
        from_singles = min(max(from_singles, 0), singles, most)
        # From the lowest rank up, and of one rank the least valuable first.
        order = np.lexsort((-np.arange(len(values)), -self._ranks(values)))
        going = [_until(order[single[order]], size, from_singles)]
        if from_singles < excess:
            going.append(_until(order[~single[order]], size, most - from_singles))
        return np.asarray(values[np.concatenate(going)])

    def _by_worth(self, values: Array) -> Array:
        """Return the order of values (slots) from the most valuable down, shape ``(n,)``."""
        size = np.maximum(self.values["size"][values], 1)
        worth = self.values["last"][values] + _SIZE_BONUS_S * np.log2(size)
        # Ties go by the value itself, so that a recovered task forgets the same ones.
        number, kind = self.values["value"][values], self.values["kind"][values]
        return np.asarray(np.lexsort((number, kind, -worth)))

    def _ranks(self, values: Array) -> Array:
        """Return each value's best place among the values of one of its accounts, ``(n,)``.

        ``values`` (slots) are all that have edges, the most valuable first.
        """
        place = np.zeros(len(self.values.used), np.int64)
        place[values] = np.arange(len(values))
        edges = self.edges.in_use
        at = place[self.edges["value"][edges]]
        order = np.argsort(at)
        rank = np.full(len(values), len(edges))
        np.minimum.at(rank, at[order], cumcount(self.edges["account"][edges[order]]))
        return rank

    def remove(self, edges: Array) -> None:
        """Forget edges, and values and accounts that have none left."""
        if not len(edges):
            return
        stored = edges[self.edges["page"][edges] >= 0]
        pages = page_codes(self.edges["account"][stored], self.edges["page"][stored])
        self._left.update(pages.tolist())
        values, accounts = self._unlink(edges)
        self.values["dirty"][values] = True  # what it remembers of them is in no edge any more
        bare = (self.values["size"][values] == 0) & ~self.values["popular"][values]
        self._forget_values(values[bare])
        lonely = accounts[self.accounts["degree"][accounts] == 0]
        pages = self.accounts["pages"][lonely].tolist()
        for name, count in zip(self.names(lonely), pages, strict=True):
            self._gone.update(page_keys([name] * count, range(count)))
        self._forget_accounts(lonely)

    def forget_unlinked(self, accounts: Array) -> None:
        """Forget those of the accounts (slots) that have no edge: nothing else would."""
        accounts = ascending(accounts)
        self._forget_accounts(accounts[self.accounts["degree"][accounts] == 0])

    def _unlink(self, edges: Array) -> tuple[Array, Array]:
        """Release edges; return their values and accounts, each once."""
        values, accounts = self.edges["value"][edges], self.edges["account"][edges]
        self._edge_of.remove(edges)
        np.subtract.at(self.values["size"], values, 1)
        np.subtract.at(self.accounts["degree"], accounts, 1)
        self.edges.release(edges)
        return ascending(values), ascending(accounts)

    def _forget_values(self, values: Array) -> None:
        stored = values[self.values["stored"][values]]
        self._gone.update(self._value_keys(stored))
        self._value_of.remove(values)
        self.values.release(values)

    def _forget_accounts(self, accounts: Array) -> None:
        self._names.remove(accounts)
        self.accounts.release(accounts)

    def _value_keys(self, values: Array) -> list[bytes]:
        return value_keys(self.values["kind"][values], self.values["value"][values])


def page_codes(accounts: Array, pages: Array | int) -> Array:
    """Return pages of accounts (slots) as one number each, in their order; shape ``(n,)``, i8."""
    return np.asarray(accounts << PAGE_BITS | pages)


def _until(values: Array, size: Array, enough: int) -> Array:
    """Return the first values that together have ``enough`` edges."""
    if enough <= 0:
        return values[:0]
    return values[: np.searchsorted(np.cumsum(size[values]), enough) + 1]


def distinct(kinds: Array, values: Array) -> tuple[Array, Array]:
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
