"""Which accounts share which indicator: the state of one task of the links stage.

Sends on the indicators that several accounts share, with the accounts that changed. Scores none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.links.account_facts import members, note_accounts
from stream.campaigns.links.bipartite_graph import BipartiteGraph
from stream.campaigns.links.durable_graph import DurableGraph
from stream.campaigns.links.eviction import EvictionPolicy
from stream.campaigns.links.graph_columns import OF_ACCOUNT
from stream.campaigns.links.link_rows import by_edge, joined_rows, portions
from stream.campaigns.links.successors import (
    note_successors,
    rename_organizations,
    renamed_organizations,
)
from stream.core.findings import Group
from stream.core.links import LinkKind
from stream.store.order import run_sizes, run_starts
from stream.telemetry.contribution import GaugeContribution

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from stream.campaigns.metrics import CampaignsMetrics
    from stream.campaigns.settings import CampaignSettings
    from stream.core.batch import AccountSlots, Array, EdgeSlots, Positions, ValueSlots
    from stream.core.findings import Member
    from stream.core.links import LinkBatch

#: Accounts that an indicator needs to be sent on. Two are enough for a payment or an address, which
#: show which accounts are one company, and for indicators that each are one of very many.
_LEAST: Final = np.full(256, 3, np.int64)
_LEAST[[LinkKind.PAYMENT, LinkKind.ADDRESS]] = 2
_LEAST[[LinkKind.PHRASE, LinkKind.CONVERSATION, LinkKind.NETWORK]] = 2
#: Old edges are searched for once per this much event time (assumed).
_EXPIRE_EVERY_S: Final = 3600.0
#: Members of one group; a larger one becomes several groups (assumed; a record holds them).
_MOST_MEMBERS: Final = 1000
#: Links are taken in by portions of one part of this number of parts of the bound (assumed).
_PORTION: Final = 8


class LinkTable:
    """A bounded map from indicator to the accounts that used it."""

    #: What stored rows consist of.
    layout: Final = DurableGraph.layout

    def __init__(self, settings: CampaignSettings, *, metrics: CampaignsMetrics) -> None:
        """Start empty."""
        self._settings = settings
        self._tracked = GaugeContribution(metrics.indicators_tracked)
        self._forgotten = metrics.indicators_evicted_total
        self._limit_hits = metrics.limit_hits_total.labels(limit="links")
        self._graph = BipartiteGraph()
        self._eviction = EvictionPolicy(self._graph, max_edges=settings.max_links)
        self._rows = DurableGraph(self._graph)
        self._swept = -np.inf

    def __len__(self) -> int:
        """Return the number of links held."""
        return len(self._graph.edges)

    def step(self, time: float, *batches: LinkBatch) -> list[Group]:
        """Take in the links of the window that ends at ``time``; return the groups to send on."""
        names, rows = joined_rows(batches)
        if not len(rows["account"]):
            return []
        self._sweep(time)
        for part in portions(rows, most=self._settings.max_links // _PORTION):
            self._add(names, {name: column[part] for name, column in rows.items()})
            high = self._newly_high_prevalence()
            self._eviction.keep_prevalence_only(high)
            self._forgotten.labels(reason="high_prevalence").inc(len(high))
            self._forgotten.labels(reason="capacity").inc(self._eviction.shrink())
        note_successors(self._graph, rows)
        renamed = renamed_organizations(rows)
        rename_organizations(self._graph, renamed)
        self._tracked.set(len(self._graph.values))
        return self._changed_groups(time, renamed)

    def forget(self, accounts: Sequence[str]) -> None:
        """Forget accounts with their links."""
        self._eviction.forget_accounts(accounts)
        self._tracked.set(len(self._graph.values))

    def release(self) -> None:
        """Take this table out of the gauges."""
        self._tracked.withdraw()

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return the rows changed since the last call; None deletes."""
        return self._rows.take_changes()

    def load(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take over stored rows in the order they were written; then :meth:`loaded`."""
        self._rows.load(rows)

    def loaded(self) -> None:
        """Continue with what was loaded."""
        self._rows.loaded()
        self._tracked.set(len(self._graph.values))

    # -- taking in ----------------------------------------------------------------------------

    def _sweep(self, time: float) -> None:
        hour = time // _EXPIRE_EVERY_S
        if hour > self._swept:
            self._swept = hour
            gone = self._eviction.expire(hour * _EXPIRE_EVERY_S - self._settings.remember_s)
            self._forgotten.labels(reason="expired").inc(gone)

    def _add(self, names: Sequence[str], columns: Mapping[str, Array]) -> None:
        graph = self._graph
        slots = graph.value_slots(columns["kind"], columns["value"])
        high = graph.values["high_prevalence"][slots]
        np.maximum.at(graph.values["last"], slots[high], columns["time"][high])
        graph.values["dirty"][slots[high]] = True
        rare = np.flatnonzero(~high)
        accounts = self._account_slots(names, columns["account"][rare])
        accounts, slots, of_edge = by_edge(accounts, slots[rare], rare, columns)
        edges = graph.edge_slots(slots, accounts, most=self._settings.max_members)
        kept = edges >= 0
        if not kept.all():
            self._limit_hits.inc(int(np.count_nonzero(~kept)))
            graph.forget_unlinked(accounts)
            edges, of_edge = edges[kept], {name: part[kept] for name, part in of_edge.items()}
        self._write(edges, of_edge, columns)

    def _account_slots(self, names: Sequence[str], rows: Positions) -> AccountSlots:
        """Return the slot of the account of each row (index into ``names``), shape ``(n,)``."""
        used = np.zeros(len(names), bool)
        used[rows] = True
        which = np.flatnonzero(used)
        slot = np.empty(len(names), np.int64)
        slot[which] = self._graph.account_slots([names[i] for i in which.tolist()])
        return np.asarray(slot[rows])

    def _write(
        self, edges: EdgeSlots, columns: Mapping[str, Array], rows: Mapping[str, Array]
    ) -> None:
        """Add to edges, those of an account one after the other; ``row`` is of ``rows``."""
        graph, stored = self._graph, self._graph.edges
        stored["requests"][edges] += columns["requests"]
        new = np.flatnonzero(stored["since"][edges] == np.inf)
        stored["before"][edges[new]] = rows["before"].take(columns["row"][new])
        stored["since"][edges] = np.minimum(stored["since"][edges], columns["time"])
        stored["last"][edges] = np.maximum(stored["last"][edges], columns["time"])
        graph.touch(edges)
        accounts = stored["account"][edges]
        at = run_starts(accounts)
        facts = {name: np.fmax.reduceat(columns[name], at) for name in OF_ACCOUNT}
        note_accounts(graph, accounts[at], facts)
        graph.accounts["traffic"][accounts[at]] = rows["traffic"].take(columns["row"][at])

    def _newly_high_prevalence(self) -> ValueSlots:
        settings, values = self._settings, self._graph.values
        limit = max(
            settings.high_prevalence_accounts,
            settings.high_prevalence_share * len(self._graph.accounts),
        )
        limits = np.full(256, limit)
        limits[LinkKind.CLIENT] = settings.high_prevalence_clients
        limits[LinkKind.PHRASE] = settings.high_prevalence_phrases
        limits[LinkKind.CONVERSATION] = settings.high_prevalence_conversations
        limits[LinkKind.NETWORK] = settings.high_prevalence_networks
        some = np.flatnonzero(values["size"] > limits.min())  # few of all
        high = values.used[some] & ~values["high_prevalence"][some]
        return some[high & (values["size"][some] > limits[values["kind"][some]])]

    # -- sending on ---------------------------------------------------------------------------

    def _changed_groups(self, time: float, renamed: Mapping[int, int]) -> list[Group]:
        """Return what changed; ``renamed`` are organizations, by their previous fingerprints."""
        previous = {new: old for old, new in renamed.items()}
        values, edges = self._graph.values, self._graph.edges
        shared = values.used & values["changed"] & (values["size"] >= _LEAST[values["kind"]])
        values["changed"][:] = False
        due = shared & (time - values["sent"] >= self._settings.resend_s)
        slots = np.flatnonzero(shared.take(edges["value"]))  # the only look at all edges
        value = edges["value"][slots]
        send = edges.used[slots] & edges["unsent"][slots] & (edges["fresh"][slots] | due[value])
        slots, value = slots[send], value[send]
        order = np.lexsort((values["value"][value], values["kind"][value]))
        slots, value = slots[order], value[order]
        starts = run_starts(value)
        stops = starts + run_sizes(starts, len(slots))
        all_members = members(self._graph, slots)  # of all groups at once: most are small
        groups = [
            group
            for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)
            for group in self._groups(time, int(value[start]), all_members[start:stop], previous)
        ]
        edges["fresh"][slots] = edges["unsent"][slots] = False
        edges["dirty"][slots] = True
        values["sent"][value[starts]] = time
        values["dirty"][value[starts]] = True
        return groups

    def _groups(
        self, time: float, value: int, some: list[Member], previous: Mapping[int, int]
    ) -> Iterator[Group]:
        """Yield the members in order; very many in several groups, for each has to fit a record."""
        values = self._graph.values
        ordered = sorted(some, key=lambda member: member.account_id)
        number, alias = int(values["value"][value]), int(values["alias"][value])
        renamed = {number: alias} if alias else {}
        for one in ordered if previous else ():
            if one.organization in previous:
                renamed[previous[one.organization]] = one.organization
        for first in range(0, len(ordered), _MOST_MEMBERS):
            yield Group(
                kind=LinkKind(int(values["kind"][value])),
                value=alias or number,
                time=time,
                since=float(values["since"][value]),
                size=int(values["size"][value]),
                members=ordered[first : first + _MOST_MEMBERS],
                renamed=renamed,
            )
