"""How unusual a group of accounts is among those seen here: half-space trees over its features.

Score, decide, then learn: only from groups that nobody is told of. As with accounts a raw score
says little (population.py); what counts is its place among the scores that groups had just before
they were learnt (again: most of them come every hour), so that it means the same wherever it runs.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.detection import checkpoint
from stream.accounts.detection.population import Population
from stream.accounts.detection.tails import Tails

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.events import Array

_TREES: Final = 25
_HEIGHT: Final = 7
#: A gateway of two thousand accounts shows ten to thirty groups an hour.
_WINDOW: Final = 100
_LEAST_SCORES: Final = 50
_HALF_LIFE_S: Final = 7 * 86400.0
_SEED: Final = 1
#: More decades than this are all the same.
_MOST: Final = 3.0
#: The same groups are there every five minutes: so much apart they are learnt again.
_EVERY_S: Final = 3600.0
_SCORES: Final = "scores"


class UsualGroups:
    """One model of all groups; deterministic given the order of calls."""

    def __init__(self, features: Sequence[str]) -> None:
        """Start with nothing learnt of groups with these features."""
        self._features = features
        self._tails = Tails(1, half_life_s=_HALF_LIFE_S)
        self._state = b""

    def surprise(self, groups: Array) -> Array:
        """Return how unusual groups (n, F) are, in decades; NaN until enough has been learnt.

        Features are 0..1, NaN where unknown.
        """
        if self._tails.weights.sum() < _LEAST_SCORES:
            return np.full(len(groups), np.nan)
        scores = self._population.scores(groups)
        return self._tails.decades(scores[:, None], most=_MOST)[:, 0]

    def due(self, time: float) -> bool:
        """Say whether it is time to learn again."""
        return not time < self._tails.time + _EVERY_S

    def learn(self, time: float, groups: Array) -> None:
        """Learn harmless groups (n, F) seen at ``time``, epoch seconds, in order."""
        self._tails.learn(time, self._population.scores(groups)[:, None])
        self._population.learn(groups)
        self._state = b""

    def state(self) -> bytes:
        """Return what was learnt, without code; it is packed once for each learning."""
        if not self._state and not math.isnan(self._tails.time):
            self._state = checkpoint.pack(
                self._structure, checkpoint.Learnt(), self._population, {_SCORES: self._tails}
            )
        return self._state

    def restore(self, blob: bytes) -> None:
        """Put back what :meth:`state` gave; raises StateError, ModelError of another model."""
        checkpoint.unpack(blob, self._structure, self._population, {_SCORES: self._tails})
        self._state = blob

    @cached_property
    def _population(self) -> Population:
        """The trees: built when there is something to learn, as it takes a fifth of a second."""
        return Population(self._features, trees=_TREES, height=_HEIGHT, window=_WINDOW, seed=_SEED)

    @cached_property
    def _structure(self) -> checkpoint.Structure:
        return checkpoint.Structure.of(self._population.structure(), " ".join(self._features))
