"""The reference population at any time: of one graph, or of one graph beside another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.campaigns.graph.snapshot import Snapshot
from stream.campaigns.population.reference_population import ReferencePopulation

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.campaigns.contexts.handed_over import ContextHandovers
    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.campaigns.settings import CampaignSettings
    from stream.campaigns.succession.successions import Successions


class Reference:
    """What a cluster of one graph is compared with; ``others`` count as well."""

    def __init__(
        self,
        graph: BipartiteGraph,
        settings: CampaignSettings,
        *,
        origin: Callable[[], float],
        successions: Successions,
        contexts: ContextHandovers,
        others: Reference | None = None,
    ) -> None:
        """Read ``graph`` and, for a drill, the real accounts of ``others``; change neither.

        ``origin`` returns when anything in the graph was first seen; ``successions`` and
        ``contexts`` are those of its accounts.
        """
        self._graph = graph
        self._settings = settings
        self._origin = origin
        self._successions = successions
        self._contexts = contexts
        self._others = others

    @property
    def origin(self) -> float:
        """Return when anything was first seen, in epoch seconds."""
        own = self._origin()
        return own if self._others is None else min(own, self._others.origin)

    def at(self, time: float) -> ReferencePopulation:
        """Return what all known accounts are like at ``time``."""
        own = ReferencePopulation.of(
            self._graph,
            Snapshot.of(self._graph, time),
            self._settings,
            origin=self.origin,
            successions=self._successions.figures(self._graph),
            contexts=self._contexts.figures(self._graph),
        )
        return own if self._others is None else own.with_others(self._others.at(time))
