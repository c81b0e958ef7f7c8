"""The clusters that are remembered between two scorings, bounded, and their durable rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from stream.campaigns.clusters.cluster_assignment import ClusterState
from stream.campaigns.clusters.stored_rows import StoredRows
from stream.store.layouts import of_structs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.campaigns.metrics import CampaignsMetrics
    from stream.campaigns.settings import CampaignSettings
    from stream.campaigns.types import Cluster, Indicator
    from stream.core.batch import ValueSlots

#: Assumed: enough for all incidents of a day; scoring takes time for each (deploy/bounds.md).
MOST_CLUSTERS: Final = 1000
#: Indicators of one cluster (assumed; a record has to hold them).
MOST_VALUES: Final = 16_384


class ClusterStore:
    """Cluster states by id."""

    #: What stored rows consist of.
    layout: Final = of_structs(ClusterState)

    def __init__(self, settings: CampaignSettings, *, metrics: CampaignsMetrics) -> None:
        """Start empty."""
        self.states: dict[str, ClusterState] = {}
        self._most_members = settings.max_campaign_accounts
        self._limit_hits = metrics.limit_hits_total
        self._rows = StoredRows(b"c")
        self._changed = False

    def keep(self, clusters: list[Cluster]) -> list[Cluster]:
        """Forget clusters but the most suspicious of these; return them, ordered by id."""
        ranked = sorted(clusters, key=lambda c: (-c.score, c.founded, c.campaign_id))
        self._limit_hits.labels(limit="clusters").inc(len(ranked[MOST_CLUSTERS:]))
        kept = sorted(ranked[:MOST_CLUSTERS], key=lambda c: c.campaign_id)
        self.states = {c.campaign_id: self.states[c.campaign_id] for c in kept}
        self._changed = True
        return kept

    def most_used(self, graph: BipartiteGraph, values: ValueSlots) -> ValueSlots:
        """Return as many indicators as a cluster remembers, in the given order."""
        if len(values) <= MOST_VALUES:
            return values
        self._limit_hits.labels(limit="indicators").inc(len(values) - MOST_VALUES)
        most = np.argsort(-graph.values["size"][values], kind="stable")[:MOST_VALUES]
        return np.asarray(values[np.sort(most)])

    def most_certain(self, current: set[str], former: set[str]) -> set[str]:
        """Return as many members as a cluster remembers: first those with evidence now."""
        count = len(current) + len(former)
        if count <= self._most_members:
            return current | former
        self._limit_hits.labels(limit="members").inc(count - self._most_members)
        return set([*sorted(current), *sorted(former)][: self._most_members])

    def forget(self, accounts: Collection[str]) -> None:
        """Drop accounts from the members of all clusters."""
        for state in self.states.values():
            state.members.difference_update(accounts)
        self._changed = True

    def rename(self, names: Mapping[Indicator, int]) -> None:
        """Give indicators of all clusters other fingerprints."""
        for state in self.states.values():
            if not state.values.isdisjoint(names):
                state.values = {(kind, names.get((kind, old), old)) for kind, old in state.values}
                self._changed = True

    # -- durable rows -------------------------------------------------------------------------

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return the rows changed since the last call; None deletes."""
        if not self._changed:
            return []
        self._changed = False
        return self._rows.changes(
            {
                campaign_id.encode(): msgspec.msgpack.encode(state, order="deterministic")
                for campaign_id, state in self.states.items()
            }
        )

    def load(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take over stored rows in the order they were written; then :meth:`loaded`."""
        self._rows.load(rows)

    def loaded(self) -> None:
        """Continue with the stored clusters."""
        for row in self._rows.values():
            state = msgspec.msgpack.decode(row, type=ClusterState)
            self.states[state.campaign_id] = state
