"""Probabilities beside the comparison of accounts, and how many hypotheses they are for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.stats import binom

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Measured (tests/bench/trace.py): where a row shares a run of words with another answer to the
#: same prompt, it has at most 7 in a hundred of that answer's other runs; of a copy of the first
#: half, or of one with one word in ten replaced, 30 or more.
SHARED_BY_CHANCE: Final = 0.1


def q_values(p: Sequence[float]) -> list[float]:
    """Return the least false discovery rate at which each is a discovery.

    Benjamini and Hochberg, JRSS B 1995.
    """
    values = np.asarray(p, float)
    order = np.argsort(values, kind="stable")[::-1]
    scaled = values[order] * len(values) / np.arange(len(values), 0, -1)
    found = np.empty(len(values))
    found[order] = np.minimum(np.minimum.accumulate(scaled), 1.0)
    return [float(one) for one in found]


def whole_copy_p(found: int, others: int) -> float:
    """Return how probable it is that rows have as much of the answers if runs of words are shared.

    Each matched answer has ``others`` further hashes besides the first hit, ``found`` of them in
    the same row; by chance at most :data:`SHARED_BY_CHANCE` of them are (exact binomial).
    """
    return float(binom.sf(found - 1, others, SHARED_BY_CHANCE))
