"""Scores sets of indicators: as candidates for a cluster, and as the clusters that there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stream.campaigns.clusters.member_traffic import member_traffic
from stream.campaigns.clusters.shared_indicators import shared_indicators
from stream.campaigns.degrees.reference_accounts import of_names
from stream.campaigns.graph.membership import members_of, shared_payments
from stream.campaigns.links.account_facts import known_accounts
from stream.campaigns.links.indicators import find, in_order, indicators
from stream.campaigns.scoring.features import ClusterMembers, features
from stream.campaigns.scoring.score import TOO_FEW_MEMBERS, ClusterScore, score
from stream.campaigns.types import Cluster
from stream.core.links import LinkKind
from stream.core.membership import MEMBERSHIP, accused

if TYPE_CHECKING:
    from stream.campaigns.clusters.cluster_assignment import ClusterState
    from stream.campaigns.clusters.cluster_store import ClusterStore
    from stream.campaigns.clusters.group_novelty import GroupNovelty
    from stream.campaigns.degrees.reference_accounts import ReferenceAccounts
    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.campaigns.population.reference_population import ReferencePopulation
    from stream.campaigns.scoring.features import ClusterFeatures
    from stream.campaigns.settings import CampaignSettings
    from stream.campaigns.types import Indicator
    from stream.core.batch import AccountSlots, Seconds, ValueSlots
    from stream.core.thresholds import ScoreThresholds


@dataclass(frozen=True, slots=True)
class ClusterCandidate:
    """A set of indicators that may found a cluster, with its members."""

    values: ValueSlots
    members: AccountSlots
    since: Seconds  # when each joined
    first: Indicator  # the least of its indicators


class ClusterScorer:
    """Scores against a reference population and the usual groups; keeps nothing itself."""

    def __init__(
        self,
        settings: CampaignSettings,
        thresholds: ScoreThresholds,
        graph: BipartiteGraph,
        novelty: GroupNovelty,
    ) -> None:
        """Score accounts of ``graph``; ``novelty`` knows the usual groups."""
        self._settings = settings
        self._thresholds = thresholds
        self._graph = graph
        self._novelty = novelty

    def candidate(
        self, population: ReferencePopulation, values: ValueSlots
    ) -> ClusterCandidate | None:
        """Return a candidate; None where indicators link too few accounts."""
        members, since = members_of(self._graph, population.snapshot, values, population.handovers)
        if len(members) < self._settings.min_members:
            return None
        first = indicators(self._graph, in_order(self._graph, values)[:1])[0]
        return ClusterCandidate(values, members, since, first)

    def is_suspicious(
        self, population: ReferencePopulation, one: ClusterCandidate, *, learn: bool
    ) -> bool:
        """Return whether a candidate may found a cluster or join one.

        With ``learn`` a harmless group is noted for the novelty model.
        """
        found = self._features(population, one.values, one.members, one.since)
        # Harmless whatever the budget and the novelty are.
        if learn and score(found).score < self._thresholds.harmless_score:
            self._novelty.note(one.members, found)
        return self._score(found).score >= self._thresholds.clear_score

    def cluster(
        self,
        state: ClusterState,
        population: ReferencePopulation,
        store: ClusterStore,
        reference: ReferenceAccounts,
    ) -> Cluster:
        """Return a cluster as it is now; ``state`` forgets what is not known any more."""
        graph, snapshot = self._graph, population.snapshot
        slots = find(graph, [*state.values])
        values = store.most_used(graph, in_order(graph, slots[slots >= 0]))
        if len(values) < len(state.values):
            state.values = set(indicators(graph, values))
        members, since = members_of(graph, snapshot, values, population.handovers)
        names = set(graph.names(members))
        state.members = store.most_certain(names, known_accounts(graph, state.members - names))
        scored = self._scored(population, values, members, since)
        at = snapshot.at(values)
        is_member = np.zeros(len(snapshot.owner), bool)
        is_member[members] = True
        at = at[is_member[snapshot.account[at]]]
        everyone = sorted(state.members)
        suspicious = scored.score >= self._thresholds.clear_score
        rows = np.zeros(len(members), MEMBERSHIP)
        accusing = members
        if suspicious:
            rows = reference.memberships(members)
            accusing = members[accused(rows)]
        return Cluster(
            campaign_id=state.campaign_id,
            founded=state.founded,
            since=float(since.min(initial=snapshot.time)),
            last=float(graph.edges["last"][snapshot.edges[at]].max(initial=-np.inf)),
            score=scored.score,
            evidence=scored.evidence,
            members=everyone,
            memberships=of_names(everyone, graph.names(members), rows),
            reports=member_traffic(graph, snapshot, at, everyone),
            kinds=[*map(LinkKind, sorted({kind for kind, _ in state.values}))],
            payments=shared_payments(snapshot, accusing),
            shared=shared_indicators(graph, snapshot, accusing, values) if suspicious else [],
            absorbed=list(state.absorbed),
        )

    def _scored(
        self,
        population: ReferencePopulation,
        values: ValueSlots,
        members: AccountSlots,
        since: Seconds,
    ) -> ClusterScore:
        if len(members) < self._settings.min_members:
            return TOO_FEW_MEMBERS
        return self._score(self._features(population, values, members, since))

    def _features(
        self,
        population: ReferencePopulation,
        values: ValueSlots,
        members: AccountSlots,
        since: Seconds,
    ) -> ClusterFeatures:
        kinds = frozenset(self._graph.values["kind"][values].tolist())
        joined = ClusterMembers(members, since, kinds)
        return features(self._graph, population, joined, origin=population.recency.origin)

    def _score(self, found: ClusterFeatures) -> ClusterScore:
        return score(
            found,
            novelty=self._novelty.novelty(found),
            budget=self._settings.alerts_budget,
            thresholds=self._thresholds,
        )
