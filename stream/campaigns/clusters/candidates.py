"""Which sets of indicators may found a cluster, among those that changed since the last scoring.

A single indicator of content may, and so may what connected accounts have in common: those that
share several prompts, addresses or rare networks, that share rare phrases, that hand conversations
to one another, or that began together. Scores none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.graph.common_networks import networks_of, sharing_rare_networks
from stream.campaigns.graph.cooccurrence import cooccurring
from stream.campaigns.graph.membership import ALONE, common_indicators, members_of_each
from stream.campaigns.graph.phrase_cooccurrence import phrases_of
from stream.campaigns.graph.snapshot import LINKING
from stream.campaigns.links.indicators import indicators
from stream.core.links import SPREAD, LinkKind, of_kinds
from stream.store.order import cumcount

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.campaigns.graph.snapshot import Snapshot
    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.campaigns.metrics import CampaignsMetrics
    from stream.campaigns.population.reference_population import ReferencePopulation
    from stream.campaigns.settings import CampaignSettings
    from stream.campaigns.types import Indicator
    from stream.core.batch import AccountSlots, Mask, ValueSlots

#: Indicators, and as many components, of one scoring, so that it takes no longer however much is
#: shared (assumed; deploy/bounds.md).
MOST_CANDIDATES: Final = 256


class CandidateQueue:
    """Indicators that changed and wait to be scored; the graph marks which they are."""

    def __init__(
        self, settings: CampaignSettings, graph: BipartiteGraph, *, metrics: CampaignsMetrics
    ) -> None:
        """Serve the indicators of ``graph``."""
        self._min_members = settings.min_members
        self._graph = graph
        self._limit_hits = metrics.limit_hits_total.labels(limit="candidates")
        #: Whether indicators of the last scoring have to wait for the next one.
        self.waiting = False

    def take(
        self, population: ReferencePopulation, clustered: Iterable[set[Indicator]]
    ) -> list[ValueSlots]:
        """Return the sets of indicators to score now.

        ``clustered`` are the indicators of the clusters that there are: they need not wait again.
        """
        snapshot, values = population.snapshot, self._graph.values
        changed = self._take_changed()
        large = values["size"] >= self._min_members
        changed_ones = np.flatnonzero(of_kinds(values["kind"], ALONE) & large & changed)
        alone = self._fair(changed_ones, snapshot, clustered)
        alone = alone[members_of_each(self._graph, snapshot, alone) >= self._min_members]
        sets = [np.array([value]) for value in alone.tolist()]
        if (changed & of_kinds(values["kind"], LINKING)).any():
            sets += self._cooccurring(snapshot)
        if (changed & (values["kind"] == LinkKind.NETWORK)).any():
            sets += self._of_one_pool(snapshot)
        phrases = population.phrases
        sets += [phrases_of(snapshot, accounts) for accounts in self._large(phrases.components)]
        handovers = population.handovers
        sets += [handovers.among(accounts) for accounts in self._large(handovers.components)]
        near = self._large(phrases.co_located_components)
        sets += [common_indicators(snapshot, accounts) for accounts in near]
        if (changed & (values["kind"] == LinkKind.PAYMENT)).any():
            sets += population.payment_bursts.find()
        return [one for one in sets if len(one)]

    def _take_changed(self) -> Mask:
        values = self._graph.values
        changed: Mask = values.used & values["changed"]
        values["dirty"][changed] = True
        values["changed"][:] = False
        return changed

    def _fair(
        self, values: ValueSlots, snapshot: Snapshot, clustered: Iterable[set[Indicator]]
    ) -> ValueSlots:
        """Return the indicators to score now; the others stay changed for the next time.

        Accounts that share many indicators wait longest, and which ones wait is drawn each time,
        so that no account can keep others waiting on purpose.
        """
        self.waiting = len(values) > MOST_CANDIDATES
        if not self.waiting:
            return values
        names = dict(zip(values.tolist(), indicators(self._graph, values), strict=True))
        known = set().union(*clustered)
        values = np.array([slot for slot, name in names.items() if name not in known], np.int64)
        hashes = self._graph.accounts["hash"][snapshot.account]
        spans = zip(snapshot.start[values].tolist(), snapshot.stop[values].tolist(), strict=True)
        lead = np.array([hashes[start:stop].min() for start, stop in spans])
        number = self._graph.values["value"][values] ^ np.uint64(snapshot.time)
        drawn = np.argsort(number * SPREAD, kind="stable")
        order = drawn[np.argsort(cumcount(lead[drawn]), kind="stable")]
        chosen, waiting = np.split(values[order], [MOST_CANDIDATES])
        self._graph.values["changed"][waiting] = True
        self.waiting = len(waiting) > 0
        self._limit_hits.inc(len(waiting))
        return np.sort(chosen)

    def _large(self, components: list[AccountSlots]) -> list[AccountSlots]:
        return [accounts for accounts in components if len(accounts) >= self._min_members]

    def _cooccurring(self, snapshot: Snapshot) -> list[ValueSlots]:
        """Return what each component has in common; of the largest when there are many."""
        found = self._largest(cooccurring(self._graph, snapshot))
        return [common_indicators(snapshot, accounts) for accounts in found]

    def _of_one_pool(self, snapshot: Snapshot) -> list[ValueSlots]:
        """Return the networks of each group of accounts that draw from one pool of exits."""
        found = self._largest(sharing_rare_networks(snapshot))
        return [networks_of(snapshot, accounts) for accounts in found]

    def _largest(self, components: list[AccountSlots]) -> list[AccountSlots]:
        found = self._large(components)
        if len(found) > MOST_CANDIDATES:
            hashes = self._graph.accounts["hash"]
            found.sort(key=lambda accounts: (-len(accounts), int(hashes[accounts].min())))
            self._limit_hits.inc(len(found) - MOST_CANDIDATES)
        return found[:MOST_CANDIDATES]
