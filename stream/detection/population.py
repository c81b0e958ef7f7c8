"""The population model: River's half-space trees over features with fixed limits.

River's traps, and what is done about them: a score before the first window is full would be 0,
so :meth:`Population.scores` gives NaN until then; the trees keep the features of the first
observation, so they are built from a complete one that counts for nothing; scores are not
probabilities, so only their place among the scores of unlearnt observations is used.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from river import anomaly

from stream.features.table import COLUMN

if TYPE_CHECKING:
    from stream.detection.settings import DetectionSettings
    from stream.types.events import Array

#: Features of shape rather than of size: size alone says nothing (power users).
MODELLED: Final = (
    "active_hours",
    "addresses",
    "error_share",
    "gap_variation",
    "logprobs_share",
    "max_tokens",
    "output_per_request",
    "output_ratio",
    "prompts",
    "ramp",
    "requests_day",
    "system_share",
    "temperature",
    "template_share",
    "templated_breadth",
    "user_agents",
    "volume_for_age",
)
_COLUMNS: Final = np.array([COLUMN[name] for name in MODELLED])


class Population:
    """One model for all accounts of a lane; deterministic given the order of calls."""

    def __init__(self, settings: DetectionSettings, *, seed: int) -> None:
        """Build the trees; nothing is learnt yet."""
        self._model = anomaly.HalfSpaceTrees(
            n_trees=settings.trees,
            height=settings.tree_height,
            window_size=settings.tree_window,
            limits=dict.fromkeys(MODELLED, (0.0, 1.0)),
            seed=seed,
        )
        self._model.learn_one(dict.fromkeys(MODELLED, 0.5))
        self._nodes: list[Any] = [node for tree in self._model.trees for node in tree.iter_dfs()]
        for node in self._nodes:
            node.l_mass = node.r_mass = 0
        self._model.counter = 0

    @property
    def ready(self) -> bool:
        """Say whether a whole window has been learnt."""
        return not self._model._first_window  # noqa: SLF001 - River has no reader for it

    def scores(self, scaled: Array) -> Array:
        """Return raw scores 0..1 of the matrix on its fixed scale (n, F); NaN in warm-up."""
        if not self.ready:
            return np.full(len(scaled), np.nan)
        return np.array([self._model.score_one(row) for row in _rows(scaled)], np.float64)

    def learn(self, scaled: Array) -> None:
        """Learn the rows of the matrix, in order."""
        for row in _rows(scaled):
            self._model.learn_one(row)

    def structure(self) -> str:
        """Return 16 hex digits over what the trees ask at each node."""
        asked = ";".join(
            f"{node.feature}<{node.threshold!r}" if hasattr(node, "feature") else "."
            for node in self._nodes
        )
        return hashlib.blake2b(asked.encode(), digest_size=8).hexdigest()

    def masses(self) -> Array:
        """Return the learnt masses, shape ``(2, nodes)``, i4: of this window, of the last."""
        pairs = [(node.l_mass, node.r_mass) for node in self._nodes]
        return np.array(pairs, "<i4").T

    @property
    def counter(self) -> int:
        """Return how much of the present window is full."""
        return int(self._model.counter)

    def load(self, masses: Array, counter: int, *, ready: bool) -> None:
        """Put learnt masses back."""
        for node, now, before in zip(self._nodes, *masses.tolist(), strict=True):
            node.l_mass, node.r_mass = now, before
        self._model.counter = counter
        self._model._first_window = not ready  # noqa: SLF001 - as above


def _rows(scaled: Array) -> list[dict[str, float]]:
    """Return observations as River takes them; unknown features are left out."""
    return [
        {name: value for name, value in zip(MODELLED, row, strict=True) if value == value}  # noqa: PLR0124 - NaN
        for row in scaled[:, _COLUMNS].tolist()
    ]
