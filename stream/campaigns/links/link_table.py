"""Which accounts share which linking value: one task of the links stage.

Sends on the values that several accounts share, with the accounts that changed. Whether a group
means anything is not decided here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.links.durable import DurableEdges
from stream.campaigns.links.edges import OF_ACCOUNT
from stream.core.batch import joined
from stream.core.findings import Group
from stream.core.links import LINK_COLUMNS, LinkKind
from stream.store.order import run_sizes, run_starts
from stream.telemetry.contribution import GaugeContribution

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from stream.campaigns.metrics import CampaignsMetrics
    from stream.campaigns.settings import CampaignSettings
    from stream.core.batch import Array
    from stream.core.findings import Member
    from stream.core.links import LinkBatch

#: Fewer accounts than this say nothing yet. Two are enough where the value says who pays or where
#: somebody sits, which tells a company from strangers, and where each is one of very many.
_LEAST: Final = np.full(256, 3, np.int64)
_LEAST[[LinkKind.PAYMENT, LinkKind.ADDRESS, LinkKind.PHRASE]] = 2
#: Old edges are looked for once per this much event time.
_EXPIRE_EVERY_S: Final = 3600.0
_MOST_TOLD: Final = 1000
#: The part of the table, one in so many links, that is taken in at once.
_PORTION: Final = 8
_SLOT_BITS: Final = 32


class LinkTable:
    """A bounded map from linking value to the accounts that used it."""

    LAYOUT: Final = DurableEdges.LAYOUT

    def __init__(self, settings: CampaignSettings, *, metrics: CampaignsMetrics) -> None:
        """Start empty."""
        self._settings = settings
        self._tracked = GaugeContribution(metrics.indicators_tracked)
        self._forgotten = metrics.indicators_evicted_total
        self._limit_hits = metrics.limit_hits_total.labels(limit="links")
        self._table = DurableEdges(max_edges=settings.max_links)
        self._swept = -np.inf

    def __len__(self) -> int:
        """Return the number of links held."""
        return len(self._table.edges)

    def step(self, time: float, *batches: LinkBatch) -> list[Group]:
        """Take in the links of the step that ends at ``time``; return the groups to send on."""
        names, rows = _joined(batches)
        if not len(rows["account"]):
            return []
        self._sweep(time)
        for part in _portions(rows, most=self._settings.max_links // _PORTION):
            self._add(names, {name: column[part] for name, column in rows.items()})
            popular = self._popular()
            self._table.make_popular(popular)
            self._forgotten.labels(reason="high_prevalence").inc(len(popular))
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

    def _add(self, names: Sequence[str], columns: Mapping[str, Array]) -> None:
        table = self._table
        slots = table.value_slots(columns["kind"], columns["value"])
        popular = table.values["popular"][slots]
        np.maximum.at(table.values["last"], slots[popular], columns["time"][popular])
        table.values["dirty"][slots[popular]] = True
        rare = np.flatnonzero(~popular)
        accounts = self._account_slots(names, columns["account"][rare])
        accounts, slots, of_edge = _by_edge(accounts, slots[rare], rare, columns)
        edges = table.edge_slots(slots, accounts, most=self._settings.max_members)
        kept = edges >= 0
        if not kept.all():
            self._limit_hits.inc(int(np.count_nonzero(~kept)))
            table.forget_unlinked(accounts)
            edges, of_edge = edges[kept], {name: part[kept] for name, part in of_edge.items()}
        self._write(edges, of_edge, columns)

    def _account_slots(self, names: Sequence[str], rows: Array) -> Array:
        """Return the slot of the account of each row (index into ``names``), shape ``(n,)``."""
        used = np.zeros(len(names), bool)
        used[rows] = True
        which = np.flatnonzero(used)
        slot = np.empty(len(names), np.int64)
        slot[which] = self._table.account_slots([names[i] for i in which.tolist()])
        return np.asarray(slot[rows])

    def _write(self, edges: Array, columns: Mapping[str, Array], rows: Mapping[str, Array]) -> None:
        """Add to edges, those of an account one after the other; ``row`` is of ``rows``."""
        table, stored = self._table, self._table.edges
        stored["requests"][edges] += columns["requests"]
        new = np.flatnonzero(stored["since"][edges] == np.inf)
        stored["before"][edges[new]] = rows["before"].take(columns["row"][new])
        stored["since"][edges] = np.minimum(stored["since"][edges], columns["time"])
        stored["last"][edges] = np.maximum(stored["last"][edges], columns["time"])
        table.touch(edges)
        accounts = stored["account"][edges]
        at = run_starts(accounts)
        table.note_accounts(
            accounts[at], {name: np.fmax.reduceat(columns[name], at) for name in OF_ACCOUNT}
        )
        table.accounts["traffic"][accounts[at]] = rows["traffic"].take(columns["row"][at])

    def _popular(self) -> Array:
        settings, values = self._settings, self._table.values
        limit = max(
            settings.high_prevalence_accounts,
            settings.high_prevalence_share * len(self._table.accounts),
        )
        limits = np.full(256, limit)
        limits[LinkKind.CLIENT] = settings.high_prevalence_clients
        limits[LinkKind.PHRASE] = settings.high_prevalence_phrases
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
        starts = run_starts(value)
        stops = starts + run_sizes(starts, len(slots))
        members = self._table.members(slots)  # of all groups at once: most are small
        groups = [
            group
            for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)
            for group in self._groups(time, int(value[start]), members[start:stop])
        ]
        edges["fresh"][slots] = edges["unsent"][slots] = False
        edges["dirty"][slots] = True
        values["sent"][value[starts]] = time
        values["dirty"][value[starts]] = True
        return groups

    def _groups(self, time: float, value: int, members: list[Member]) -> Iterator[Group]:
        """Yield the members in order; very many in several groups, for each has to fit a record."""
        values = self._table.values
        members = sorted(members, key=lambda member: member.account_id)
        for first in range(0, len(members), _MOST_TOLD):
            yield Group(
                kind=LinkKind(int(values["kind"][value])),
                value=int(values["value"][value]),
                time=time,
                since=float(values["since"][value]),
                size=int(values["size"][value]),
                members=members[first : first + _MOST_TOLD],
            )


def _portions(columns: Mapping[str, Array], *, most: int) -> Iterator[Array | slice]:
    """Yield the rows in portions of about ``most``; the rows of a value stay together."""
    if len(columns["value"]) <= most:
        yield slice(None)
        return
    order = np.lexsort((columns["value"], columns["kind"]))
    kind, value = columns["kind"][order], columns["value"][order]
    borders = np.flatnonzero((np.diff(kind) != 0) | (value[1:] != value[:-1])) + 1
    cuts = borders[np.flatnonzero(np.diff(borders // most, prepend=0))]
    yield from np.split(order, cuts)


def _joined(batches: Sequence[LinkBatch]) -> tuple[list[str], dict[str, Array]]:
    """Return account ids and rows of all batches; one account may stand there more than once."""
    names: list[str] = []
    accounts = []
    for batch in batches:
        accounts.append(batch.columns["account"].astype(np.int64) + len(names))
        names += batch.accounts
    columns = {
        name: joined([batch.columns[name] for batch in batches], dtype)
        for name, dtype in LINK_COLUMNS.items()
        if name != "account"
    }
    return names, {**columns, "account": np.concatenate([np.zeros(0, np.int64), *accounts])}


def _by_edge(
    accounts: Array, values: Array, rows: Array, columns: Mapping[str, Array]
) -> tuple[Array, Array, Mapping[str, Array]]:
    """Return account (slot), value (slot) and columns of the edges of ``rows``, each once.

    Phrases come twice where one request begins with what another one ends with.
    """
    key = accounts << _SLOT_BITS | values
    order = np.argsort(key)
    key, rows = key[order], rows[order]
    at = run_starts(key)
    columns = {name: columns[name][rows] for name in ("time", "requests", *OF_ACCOUNT)}
    if len(at) < len(key):
        columns = {
            name: (np.add if name == "requests" else np.fmax).reduceat(column, at)
            for name, column in columns.items()
        }
        key = key[at]
    columns["row"] = rows[at]
    return key >> _SLOT_BITS, key & ((1 << _SLOT_BITS) - 1), columns
