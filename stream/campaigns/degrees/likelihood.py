"""How much more likely a value is among certain members than among other accounts.

Both distributions are counted over the steps of a scale, each count spread over the neighbouring
steps. Few accounts prove little, and a member may differ from the others in anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from stream.core.batch import Floats, Mask, Positions

#: Accounts of either side that are as the prior has them, before any is known (assumed).
_PRIOR: Final = 2.0
#: Each step up a rising scale has this part of the other accounts that the one before it has
#: (assumed, after phrase_cooccurrence.py: of benign accounts half share phrases with one other, one
#: in twenty with 14 and one in a hundred with 28; a step is half of a doubling).
_FEWER: Final = 0.67
#: Part of a campaign's members that differ from the rest in any one thing (assumed: one in five).
_DIFFERENT: Final = 0.2
#: Natural logarithm; no single comparison counts for more (assumed).
_MOST: Final = 2.5


@dataclass(frozen=True, slots=True)
class Scale:
    """The step of each member of a cluster on a scale, -1 where it is unknown."""

    members: Positions  # (n,)
    others: Floats  # of the accounts that they are compared with, as :func:`counted`

    def log_ratio(self, certain: Mask, *, rising: bool = False) -> Floats:
        """Return the log likelihood ratio of each member, 0 where unknown; shape ``(n,)``.

        An account is compared with the certain ones without itself. ``rising``: a higher step never
        has less, and members that are not certain count as other accounts.
        """
        known = self.members >= 0
        step = self.members[known]
        here = certain[known].astype(np.float64)
        others = self.others
        if rising:
            others = others + _beyond_tail(here) * self._counts(step, 1 - here)
        others = others + _PRIOR * _prior(len(others), rising=rising)
        others /= others.sum()
        group, total = self._counts(step, here), here.sum()
        ratio = np.zeros(len(self.members))
        if rising:
            like = (group + _PRIOR * others) / (total + _PRIOR)
            ratio[known] = np.maximum.accumulate(_log(like, others))[step]
        else:
            own = here * _own(len(others))[step]
            base = others[step]
            like = (group[step] - own + _PRIOR * base) / (total - here + _PRIOR)
            ratio[known] = _log(like, base)
        return ratio

    def _counts(self, step: Positions, weight: Floats) -> Floats:
        return _spread(np.asarray(np.bincount(step, weight, len(self.others)), np.float64))


def counted(step: Positions, steps: int) -> Floats:
    """Return how many accounts are at each of ``steps``, each spread over the neighbouring ones.

    -1 is unknown and counts nowhere.
    """
    return _spread(np.bincount(step[step >= 0], minlength=steps).astype(np.float64))


@cache
def _prior(steps: int, *, rising: bool) -> Floats:
    prior = _FEWER ** np.arange(steps) if rising else np.ones(steps)
    return np.asarray(prior / prior.sum())


@cache
def _own(steps: int) -> Floats:
    """Return how much of its own count an account finds at its step, shape ``(steps,)``."""
    own = np.full(steps, 0.5)
    own[[0, -1]] += 0.25
    return own


def _beyond_tail(certain: Floats) -> float:
    """Return the part of those that are not certain who are more than members that differ."""
    count = certain.sum()
    left = len(certain) - count
    tail = _DIFFERENT / (1 - _DIFFERENT) * count
    return float(max(left - tail, 0.0) / max(left, 1.0))


def _spread(counts: Floats) -> Floats:
    around = np.zeros(len(counts) + 2)
    around[1:-1] = counts
    spread = 0.25 * around[:-2] + 0.5 * counts + 0.25 * around[2:]
    spread[0] += 0.25 * counts[0]
    spread[-1] += 0.25 * counts[-1]
    return np.asarray(spread)


def _log(like: Floats, others: Floats) -> Floats:
    mixed = (1 - _DIFFERENT) * like + _DIFFERENT * others
    return np.asarray(np.clip(np.log(mixed / others), -_MOST, _MOST))
