"""A topic cell: the half of the space of word cells that recent prompts have moved into.

Its normal is the shift from past to recent prompts, seen through the past's covariance (Fisher's
linear discriminant, 1936, with a ridge for few prompts); its border leaves one in a hundred prompts
of the past inside. It keeps no prompt.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.events import WORD_CELLS

if TYPE_CHECKING:
    from stream.core.batch import Array, Mask

#: Share of the past's prompts in the cell, by construction.
SHARE: Final = 0.01
#: Weights are whole numbers up to this, so that their sums are exact in any order (a prompt has at
#: most 256 of them).
_LARGEST_WEIGHT: Final = 1000


@dataclass(frozen=True, slots=True)
class TopicCell:
    """``weights`` of the word cells, shape ``(W,)``, whole numbers f8; prompts above the border."""

    weights: Array
    border: float

    @classmethod
    def between(cls, past: Array, recent: Array) -> TopicCell | None:
        """Return the cell of the shift from ``past`` to ``recent`` prompts, ``(n, W)`` each.

        Half of the past's prompts give the covariance, the others the border. None where nothing
        has moved.
        """
        learnt, held_out = past[::2], past[1::2]
        mean = learnt.mean(axis=0)
        apart = learnt - mean
        covariance = apart.T @ apart / len(learnt)
        # The ridge is the mean variance of a cell. Measured: a tenth of it recognises fewer.
        ridge = np.trace(covariance) / WORD_CELLS
        shift = recent.mean(axis=0) - mean
        if not ridge > 0 or not shift.any():
            return None
        normal = np.linalg.solve(covariance + ridge * np.eye(WORD_CELLS), shift)
        weights = np.rint(normal * (_LARGEST_WEIGHT / np.abs(normal).max()))
        scores = np.sort(held_out @ weights)
        at = math.ceil((1 - SHARE) * len(scores)) - 1
        return cls(weights, float(scores[at]))

    def holds(self, bits: Array) -> Mask:
        """Return which prompts (n, W), 0 or 1, are in the cell, shape ``(n,)``."""
        return np.asarray(bits @ self.weights > self.border)
