"""The novelty of a group of accounts among earlier groups: half-space trees over its features.

Score, decide, then learn: only from harmless groups. A raw score alone means little
(population_model.py); its place among the scores of groups just before they were learnt has the
same meaning in every deployment.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.detection import checkpoint
from stream.accounts.detection.population_model import PopulationModel
from stream.accounts.detection.tails import Tails

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.batch import Floats

#: Assumed: River's default heights and numbers are 8 and 10; as in DetectionSettings.
_TREES: Final = 25
_HEIGHT: Final = 7
#: Measured: a gateway of two thousand accounts shows ten to thirty groups an hour, so that a window
#: is four to ten hours.
_WINDOW: Final = 100
#: Assumed: the 95th percentile of fewer scores is one or two groups.
_LEAST_SCORES: Final = 50
#: Assumed: as detection.population_half_life_s by default.
_HALF_LIFE_S: Final = 7 * 86400.0
#: Any seed does: it is fixed so that a restored model has the same trees.
_SEED: Final = 1
#: Novelty beyond this makes no difference, in hartleys. Assumed: one group in a thousand is more
#: than a week shows.
_MOST_HART: Final = 3.0
#: Time between learnings. Assumed: the same groups are there every five minutes.
_EVERY_S: Final = 3600.0
_SCORES: Final = "scores"


class GroupNoveltyModel:
    """One model of all groups; deterministic given the order of calls."""

    def __init__(self, features: Sequence[str]) -> None:
        """Start with nothing learnt; groups have these features."""
        self._features = features
        self._tails = Tails(1, half_life_s=_HALF_LIFE_S)
        self._state = b""

    @property
    def layout(self) -> dict[str, str]:
        """Return what has to agree for a stored model to mean the same; builds no trees."""
        return {"river": checkpoint.river_release(), "features": " ".join(self._features)}

    def surprisal(self, groups: Floats) -> Floats:
        """Return the novelty of groups (n, F) in hartleys (tails.py); NaN until enough is learnt.

        Features are 0..1, NaN where unknown.
        """
        if self._tails.weights.sum() < _LEAST_SCORES:
            return np.full(len(groups), np.nan)
        scores = self._population.scores(groups)
        return self._tails.surprisal(scores[:, None], most=_MOST_HART)[:, 0]

    def due(self, time: float) -> bool:
        """Return whether it is time to learn again."""
        return not time < self._tails.time + _EVERY_S

    def learn(self, time: float, groups: Floats) -> None:
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
        """Restore what :meth:`state` gave; raises StateError, ModelError of another model."""
        checkpoint.unpack(blob, self._structure, self._population, {_SCORES: self._tails})
        self._state = blob

    @cached_property
    def _population(self) -> PopulationModel:
        """The trees: built when there is something to learn, as it takes a fifth of a second."""
        return PopulationModel(
            self._features, trees=_TREES, height=_HEIGHT, window=_WINDOW, seed=_SEED
        )

    @cached_property
    def _structure(self) -> checkpoint.Structure:
        return checkpoint.Structure.of(self._population.structure(), " ".join(self._features))
