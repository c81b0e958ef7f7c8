"""How many accounts seem to take contexts over by chance: a sign test for each of them.

By chance, of the others whose turns fit an account's contexts half come mostly before these and
half mostly after them. An account *takes over* at a level when so great a part comes before that
this has at most the level's probability. How many accounts do by chance follows from how many
others each has met.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.stats import binom, poisson

if TYPE_CHECKING:
    from stream.core.batch import Counts, Mask

#: Levels that are tried: accounts with little traffic reach the first, in a crowd the last counts.
LEVELS: Final = tuple(0.5**halvings for halvings in range(3, 10))
_TRIED: Final = math.log(len(LEVELS))
#: Others that an account has met are counted up to here, on either side.
MOST: Final = 32

_COUNTS: Final = np.arange(2 * MOST + 1)
#: Probability that at least the second many of the first many come before, (n, n).
_TAIL: Final = binom.sf(_COUNTS[None, :] - 1, _COUNTS[:, None], 0.5)
#: Probability of reaching each level, by the others that an account has met, (levels, n).
_REACHED: Final = np.array(
    [np.where(level >= _TAIL, _TAIL, 0).max(axis=1) for level in LEVELS]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ContextSize:
    """How many accounts, or owners, take contexts over, how many by chance, and -ln p of that."""

    count: int = 0
    expected: float = 0.0
    log_p: float = 0.0

    def by_chance(self, known: int) -> float:
        """Return which part of the count is there by chance, of ``known`` accounts (Storey, 2002).

        Those that do take over are none of the accounts that chance has to explain.
        """
        others = (known - self.count) / max(known - self.expected, 1)
        return others * self.expected / max(self.count, 1)


def sizes(counts: Counts, chance: tuple[float, ...]) -> list[ContextSize]:
    """Return how many take over at each level, by what is counted and what chance gives."""
    return [
        ContextSize(count, by_chance, _log_p(count, by_chance))
        for count, by_chance in zip(counts.tolist(), chance, strict=True)
    ]


def strongest(counts: Counts, chance: tuple[float, ...]) -> ContextSize:
    """Return the least likely of :func:`sizes`."""
    return max(sizes(counts, chance), key=lambda one: one.log_p)


def takes_over(before: Counts, after: Counts) -> Mask:
    """Return which accounts (n,) take over at each level, ``(levels, n)``.

    ``before`` and ``after``: others that an account has met on either side, at most MOST each.
    """
    tail = _TAIL[before + after, before]
    return np.asarray((tail <= np.array(LEVELS)[:, None]) & (before > 0))


def expected(before: Counts, after: Counts) -> tuple[float, ...]:
    """Return how many accounts take over by chance at each level."""
    return tuple(_REACHED[:, before + after].sum(axis=1).tolist())


def _log_p(count: int, chance: float) -> float:
    """Return -ln p of at least this count, less the levels tried.

    Poisson: the tail of a sum of rare events with other probabilities is lighter (Hoeffding, 1956).
    """
    if not count or not chance:
        return 0.0
    return max(-float(poisson.logsf(count - 1, chance)) - _TRIED, 0.0)
