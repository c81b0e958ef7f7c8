"""Which accounts share which linking value: one lane of the campaigns stage.

Sends on the values that several accounts share, with the accounts that changed. Whether a group
means anything is not decided here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.durable import DurableEdges
from stream.metrics import Share
from stream.types.links import LinkKind
from stream.types.verdicts import Group

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stream.campaigns.settings import CampaignSettings
    from stream.metrics import Metrics
    from stream.types.batch import Array
    from stream.types.links import LinkBatch

#: Fewer accounts than this say nothing yet. Two are enough where the value says who pays or where
#: somebody sits, which tells a company from strangers, and where each is one of very many.
_LEAST: Final = np.full(256, 3, np.int64)
_LEAST[[LinkKind.PAYMENT, LinkKind.ADDRESS, LinkKind.PHRASE]] = 2
#: Old edges are looked for once per this much event time.
_EXPIRE_EVERY_S: Final = 3600.0
_MOST_TOLD: Final = 1000
#: The part of the table, one in so many links, that is taken in at once.
_PORTION: Final = 8
_SUMS: Final = ("requests", "input_tokens", "output_tokens")


class LinkTable:
    """A bounded map from linking value to the accounts that used it."""

    LAYOUT: Final = DurableEdges.LAYOUT

    def __init__(self, settings: CampaignSettings, *, metrics: Metrics) -> None:
        """Start empty."""
        self._settings = settings
        self._tracked = Share(metrics.links_tracked)
        self._forgotten = metrics.links_evicted_total
        self._left_out = metrics.left_out_total.labels(what="links")
        self._table = DurableEdges(max_edges=settings.max_links)
        self._swept = -np.inf

    def __len__(self) -> int:
        """Return the number of links held."""
        return len(self._table.edges)

    def step(self, time: float, rows: LinkBatch) -> list[Group]:
        """Take in the links of the step that ends at ``time``; return the groups to send on."""
        if not len(rows):
            return []
        self._sweep(time)
        names, columns = merged(rows)
        for part in _portions(columns, most=self._settings.max_links // _PORTION):
            self._add(names, {name: column[part] for name, column in columns.items()})
            popular = self._popular()
            self._table.make_popular(popular)
            self._forgotten.labels(reason="popular").inc(len(popular))
            self._forgotten.labels(reason="capacity").inc(self._table.shrink())
        self._tracked.set(len(self._table.values))
        return self._changed_groups(time)

    def release(self) -> None:
        """Give back what the gauges have of this table."""
        self._tracked.set(0)

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return the rows changed since the last call; None deletes."""
        return self._table.take_changes()

    def load(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take over stored rows in the order they were written; then :meth:`loaded`."""
        self._table.load(rows)

    def loaded(self) -> None:
        """Say that all rows are loaded."""
        self._table.loaded()
        self._tracked.set(len(self._table.values))

    # -- taking in ----------------------------------------------------------------------------

    def _sweep(self, time: float) -> None:
        hour = time // _EXPIRE_EVERY_S
        if hour > self._swept:
            self._swept = hour
            gone = self._table.expire(hour * _EXPIRE_EVERY_S - self._settings.remember_s)
            self._forgotten.labels(reason="expired").inc(gone)

    def _add(self, names: list[str], columns: dict[str, Array]) -> None:
        table = self._table
        slots = table.value_slots(columns["kind"], columns["value"])
        popular = table.values["popular"][slots]
        np.maximum.at(table.values["last"], slots[popular], columns["time"][popular])
        table.values["dirty"][slots[popular]] = True
        rare = np.flatnonzero(~popular)
        used, account = np.unique(columns["account"][rare], return_inverse=True)
        accounts = table.account_slots([names[i] for i in used.tolist()])
        edges = table.edge_slots(slots[rare], accounts[account], most=self._settings.max_members)
        kept = edges >= 0
        if not kept.all():
            self._left_out.inc(int(np.count_nonzero(~kept)))
            table.forget_unlinked(accounts)
        self._write(edges[kept], {name: part[rare[kept]] for name, part in columns.items()})

    def _write(self, edges: Array, columns: dict[str, Array]) -> None:
        table, stored = self._table, self._table.edges
        for name in _SUMS:
            stored[name][edges] += columns[name]
        stored["since"][edges] = np.minimum(stored["since"][edges], columns["time"])
        stored["last"][edges] = np.maximum(stored["last"][edges], columns["time"])
        table.touch(edges)
        accounts = stored["account"][edges]
        created = np.fmax(table.accounts["created_at"][accounts], columns["created_at"])
        table.note_accounts(accounts, created, columns["day_requests"], columns["active_hours"])

    def _popular(self) -> Array:
        settings, values = self._settings, self._table.values
        limit = max(settings.popular_accounts, settings.popular_share * len(self._table.accounts))
        limits = np.full(256, limit)
        limits[LinkKind.CLIENT] = settings.popular_clients
        limits[LinkKind.PHRASE] = settings.popular_phrases
        return np.flatnonzero(
            values.used & ~values["popular"] & (values["size"] > limits[values["kind"]])
        )

    # -- sending on ---------------------------------------------------------------------------

    def _changed_groups(self, time: float) -> list[Group]:
        values, edges = self._table.values, self._table.edges
        worth = values.used & values["changed"] & (values["size"] >= _LEAST[values["kind"]])
        values["changed"][:] = False
        due = worth & (time - values["sent"] >= self._settings.resend_s)
        send = edges.used & worth[edges["value"]] & (edges["fresh"] | due[edges["value"]])
        slots = np.flatnonzero(send & edges["unsent"])
        value = edges["value"][slots]
        order = np.lexsort((values["value"][value], values["kind"][value]))
        slots, value = slots[order], value[order]
        starts = np.flatnonzero(np.diff(value, prepend=-1))
        groups = [
            group
            for part in np.split(np.arange(len(slots)), starts[1:])
            if len(part)
            for group in self._groups(time, int(value[part[0]]), slots[part])
        ]
        edges["fresh"][slots] = edges["unsent"][slots] = False
        edges["dirty"][slots] = True
        values["sent"][value[starts]] = time
        values["dirty"][value[starts]] = True
        return groups

    def _groups(self, time: float, value: int, edges: Array) -> Iterator[Group]:
        """Yield the members in order; very many in several groups, for each has to fit a record."""
        values = self._table.values
        members = [self._table.member(edge) for edge in edges.tolist()]
        members.sort(key=lambda member: member.account_id)
        for first in range(0, len(members), _MOST_TOLD):
            yield Group(
                kind=int(values["kind"][value]),
                value=int(values["value"][value]),
                time=time,
                since=float(values["since"][value]),
                size=int(values["size"][value]),
                members=members[first : first + _MOST_TOLD],
            )


def _portions(columns: dict[str, Array], *, most: int) -> Iterator[Array | slice]:
    """Yield the rows in portions of about ``most``; the rows of a value stay together."""
    if len(columns["value"]) <= most:
        yield slice(None)
        return
    order = np.lexsort((columns["account"], columns["value"], columns["kind"]))
    kind, value = columns["kind"][order], columns["value"][order]
    borders = np.flatnonzero((np.diff(kind) != 0) | (value[1:] != value[:-1])) + 1
    cuts = borders[np.flatnonzero(np.diff(borders // most, prepend=0))]
    yield from np.split(order, cuts)


def merged(rows: LinkBatch) -> tuple[list[str], dict[str, Array]]:
    """Return account ids in order, and one row per account, kind and value, sorted by them."""
    names = sorted(set(rows.accounts))
    rank = {name: i for i, name in enumerate(names)}
    account = np.array([rank[name] for name in rows.accounts], np.int64)[rows.columns["account"]]
    kind, value = rows.columns["kind"], rows.columns["value"]
    order = np.lexsort((rows.columns["time"], value, kind, account))
    account, kind, value = account[order], kind[order], value[order]
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(account) != 0) | (np.diff(kind) != 0) | (value[1:] != value[:-1])
    at = np.flatnonzero(new)
    columns = {name: np.add.reduceat(rows.columns[name][order], at) for name in _SUMS}
    for name in ("time", "created_at", "day_requests", "active_hours"):
        columns[name] = np.fmax.reduceat(rows.columns[name][order], at)
    return names, {**columns, "account": account[at], "kind": kind[at], "value": value[at]}
