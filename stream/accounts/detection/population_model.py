"""The population model: River's half-space trees over features with fixed limits.

River's traps, and how they are avoided: a score before the first window is full would be 0,
so :meth:`PopulationModel.scores` gives NaN until then; the trees keep the features of the first
observation, so they are built from a complete one that counts for nothing; scores are not
probabilities, so only their place among the scores of unlearnt observations is used.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
from river import anomaly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.batch import Counts, Floats


class PopulationModel:
    """One model of many observations of F features; deterministic given the order of calls."""

    def __init__(
        self, features: Sequence[str], *, trees: int, height: int, window: int, seed: int
    ) -> None:
        """Build the trees; nothing is learnt yet."""
        self._features = features
        self._model = anomaly.HalfSpaceTrees(
            n_trees=trees,
            height=height,
            window_size=window,
            limits=dict.fromkeys(features, (0.0, 1.0)),
            seed=seed,
        )
        self._model.learn_one(dict.fromkeys(features, 0.5))
        self._nodes: list[Any] = [node for tree in self._model.trees for node in tree.iter_dfs()]
        for node in self._nodes:
            node.l_mass = node.r_mass = 0
        self._model.counter = 0

    @property
    def ready(self) -> bool:
        """Return whether a whole window has been learnt."""
        return not self._model._first_window  # noqa: SLF001 - River has no reader for it

    def scores(self, observed: Floats) -> Floats:
        """Return raw scores 0..1 of observations (n, F), each 0..1 or NaN; NaN in warm-up."""
        if not self.ready:
            return np.full(len(observed), np.nan)
        return np.array([self._model.score_one(row) for row in self._rows(observed)], np.float64)

    def learn(self, observed: Floats) -> None:
        """Learn observations (n, F), in order."""
        for row in self._rows(observed):
            self._model.learn_one(row)

    def structure(self) -> str:
        """Return 16 hex digits over feature and threshold of each node."""
        splits = ";".join(
            f"{node.feature}<{node.threshold!r}" if hasattr(node, "feature") else "."
            for node in self._nodes
        )
        return hashlib.blake2b(splits.encode(), digest_size=8).hexdigest()

    def masses(self) -> Counts:
        """Return the learnt masses, shape ``(2, nodes)``, i4: of this window, of the last."""
        pairs = [(node.l_mass, node.r_mass) for node in self._nodes]
        return np.array(pairs, "<i4").T

    @property
    def counter(self) -> int:
        """Return how many observations the present window has."""
        return int(self._model.counter)

    def load(self, masses: Counts, counter: int, *, ready: bool) -> None:
        """Restore learnt masses."""
        for node, now, before in zip(self._nodes, *masses.tolist(), strict=True):
            node.l_mass, node.r_mass = now, before
        self._model.counter = counter
        self._model._first_window = not ready  # noqa: SLF001 - as above

    def _rows(self, observed: Floats) -> list[dict[str, float]]:
        """Return observations as River takes them; unknown features are left out."""
        return [
            {
                name: value
                for name, value in zip(self._features, row, strict=True)
                if value == value  # noqa: PLR0124 - NaN
            }
            for row in observed.tolist()
        ]
