"""The cluster detector: groups of accounts that share indicators in, scored clusters out.

An indicator of content whose accounts look suspicious, or what connected accounts have in common,
founds a cluster or joins the one whose members it shares. A cluster keeps its id while it lives:
of two that overlap, the older one absorbs the other. Raises no alerts.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from stream.campaigns.clusters.candidates import CandidateQueue
from stream.campaigns.clusters.cluster_assignment import ClusterAssignment, ClusterState
from stream.campaigns.clusters.cluster_store import ClusterStore
from stream.campaigns.clusters.found_links import put_found
from stream.campaigns.clusters.group_novelty import GroupNovelty
from stream.campaigns.clusters.groups import add_groups
from stream.campaigns.clusters.renames import apply_renames
from stream.campaigns.clusters.scorer import ClusterScorer
from stream.campaigns.clusters.scoring_clock import ScoringClock
from stream.campaigns.contexts.handed_over import ContextHandovers
from stream.campaigns.degrees.reference_accounts import ReferenceAccounts
from stream.campaigns.links.bipartite_graph import BipartiteGraph
from stream.campaigns.links.durable_graph import DurableGraph
from stream.campaigns.links.eviction import EvictionPolicy
from stream.campaigns.links.indicators import accounts_using, indicators, under_previous
from stream.campaigns.population.reference import Reference
from stream.campaigns.succession.successions import Successions
from stream.core.links import LinkKind
from stream.core.membership import accused
from stream.core.thresholds import DEFAULT_THRESHOLDS, ScoreThresholds

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from stream.campaigns.clusters.scorer import ClusterCandidate
    from stream.campaigns.metrics import CampaignsMetrics
    from stream.campaigns.population.reference_population import ReferencePopulation
    from stream.campaigns.settings import CampaignSettings
    from stream.campaigns.types import Cluster, Indicator
    from stream.core.findings import Group, LightTurns, Turnover
    from stream.store.durable import Durable


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the detector of a drill compares its accounts with: the real ones, and their groups."""

    reference: Reference
    novelty: GroupNovelty


class ClusterDetector:
    """All clusters of the system, or of a drill."""

    def __init__(
        self,
        settings: CampaignSettings,
        *,
        metrics: CampaignsMetrics,
        thresholds: ScoreThresholds = DEFAULT_THRESHOLDS,
        baseline: Baseline | None = None,
    ) -> None:
        """Start empty; a candidate of ``thresholds.clear_score`` founds or joins a cluster.

        With a ``baseline`` accounts are compared with those of it as well, and nothing is learnt.
        """
        self._settings = settings
        self._thresholds = thresholds
        self._limit_hits = metrics.limit_hits_total
        self._learns = baseline is None
        self._clock = ScoringClock(settings.score_every_s)
        self._graph = BipartiteGraph()
        self._eviction = EvictionPolicy(self._graph, max_edges=2 * settings.max_links)
        self._novelty = GroupNovelty() if baseline is None else baseline.novelty
        self._successions = Successions(settings, metrics=metrics)
        self._contexts = ContextHandovers(metrics=metrics)
        self._reference = Reference(
            self._graph,
            settings,
            origin=lambda: self._clock.origin,
            successions=self._successions,
            contexts=self._contexts,
            others=None if baseline is None else baseline.reference,
        )
        self._candidates = CandidateQueue(settings, self._graph, metrics=metrics)
        self._scorer = ClusterScorer(settings, thresholds, self._graph, self._novelty)
        self._store = ClusterStore(settings, metrics=metrics)
        #: Everything with durable rows, by name.
        self.durable: Final[Mapping[str, Durable]] = {
            "cluster_links": DurableGraph(self._graph),
            "scoring_clock": self._clock,
            "clusters": self._store,
            "successions": self._successions,
            "contexts": self._contexts,
            **({"group_novelty": self._novelty} if self._learns else {}),
        }

    @property
    def due(self) -> float:
        """Return when clusters are scored next, in event time; inf while nothing has changed."""
        return self._clock.due

    @property
    def baseline(self) -> Baseline:
        """Return what the detector of a drill is compared with."""
        return Baseline(self._reference, self._novelty)

    def add(self, time: float, groups: list[Group]) -> None:
        """Take in the groups of the window that ends at ``time``, in any order."""
        groups = [group for group in groups if group.members]
        if not groups:
            return
        most = self._settings.max_members
        apply_renames(self._graph, self._store, groups, most_members=most)
        dropped = add_groups(self._graph, groups, most_members=most)
        self._eviction.shrink()
        self._limit_hits.labels(limit="links").inc(dropped)
        self._clock.changed(time, since=min(group.since for group in groups))

    def add_turnovers(self, time: float, turnovers: Sequence[Turnover]) -> None:
        """Take in the turnovers of the window that ends at ``time``."""
        if turnovers:
            self._successions.add(turnovers)
            self._clock.changed(time)

    def add_turns(self, time: float, turns: Sequence[LightTurns]) -> None:
        """Take in the turns of the window that ends at ``time``."""
        if turns:
            self._contexts.add(turns)
            self._clock.changed(time)

    def note_confirmed(self, accounts: Sequence[str], *, until: float) -> None:
        """Note that a person has confirmed accounts until then: who takes over from them?"""
        self._successions.confirm(accounts, until=until)

    def forget(self, accounts: Collection[str]) -> None:
        """Forget accounts: their links, and that they are members."""
        self._eviction.forget_accounts([*accounts])
        self._store.forget(accounts)
        self._successions.forget(accounts)
        self._contexts.forget(accounts)

    def detect(self, time: float) -> list[Cluster]:
        """Form clusters from what is known at ``time``; return all, ordered by id."""
        self._eviction.expire(time - self._settings.remember_s)
        for kind, groups in (
            (LinkKind.SUCCESSION, self._successions.find(time)),
            (LinkKind.CONTEXT, self._contexts.find(time)),
        ):
            dropped = put_found(self._graph, kind, groups, most_members=self._settings.max_members)
            self._limit_hits.labels(limit="links").inc(dropped)
        population = self._reference.at(time)
        learn = self._learns and self._novelty.due(time)
        candidates = self._take_candidates(population)
        self._clock.scored(time, waiting=self._candidates.waiting)
        assignment = ClusterAssignment(self._store.states, self._graph, population.snapshot)
        for candidate in candidates:
            new = _new_state(self._graph, candidate, time)
            # Most are parts of a cluster, and scored with it.
            scored = learn or not assignment.has(new)
            if scored and self._scorer.is_suspicious(population, candidate, learn=learn):
                assignment.assign(new)
        assignment.merge()
        states = [*self._store.states.values()]
        reference = ReferenceAccounts(
            self._graph, population, (name for state in states for name in state.members)
        )
        clusters = [
            self._scorer.cluster(state, population, self._store, reference) for state in states
        ]
        clusters = self._store.keep([cluster for cluster in clusters if cluster.members])
        if learn:
            suspects = _suspects(clusters, self._thresholds.clear_score)
            self._novelty.learn(time, self._graph.find_accounts([*suspects]))
        return clusters

    def _take_candidates(self, population: ReferencePopulation) -> list[ClusterCandidate]:
        """Return the candidates to score now, the largest first."""
        clustered = [state.values for state in self._store.states.values()]
        found = [
            candidate
            for values in self._candidates.take(population, clustered)
            if (candidate := self._scorer.candidate(population, values))
        ]
        return sorted(found, key=lambda c: (-len(c.members), c.first))

    # -- look-ups (IndicatorLookup) -------------------------------------------------------------

    def indicators_of(self, campaign_id: str) -> set[Indicator]:
        """Return the indicators of a cluster; empty for an unknown one."""
        state = self._store.states.get(campaign_id)
        return set() if state is None else state.values

    def accounts_using(self, wanted: Iterable[Indicator]) -> dict[Indicator, set[str]]:
        """Return the accounts that use each of some indicators; unknown indicators are absent."""
        return accounts_using(self._graph, wanted)

    def under_previous(self, wanted: Collection[Indicator]) -> set[Indicator]:
        """Return indicators, those that were renamed under their previous fingerprint."""
        return under_previous(self._graph, wanted)


def _suspects(clusters: list[Cluster], least_score: float) -> set[str]:
    return {
        c.members[i]
        for c in clusters
        if c.score >= least_score
        for i in np.flatnonzero(accused(c.memberships)).tolist()
    }


def _new_state(graph: BipartiteGraph, candidate: ClusterCandidate, time: float) -> ClusterState:
    return ClusterState(
        campaign_id=_campaign_id(candidate.first, time),
        founded=time,
        values=set(indicators(graph, candidate.values)),
        members=set(graph.names(candidate.members)),
    )


def _campaign_id(indicator: Indicator, time: float) -> str:
    """Return an id made of the founding indicator and time: the same events give the same id."""
    cause = msgspec.msgpack.encode(("campaign", indicator, time))
    return "cmp_" + hashlib.blake2b(cause, digest_size=8).hexdigest()
