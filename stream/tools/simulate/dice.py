"""Cheap seeded draws, one at a time, from numpy blocks; it knows nothing of traffic."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

T = TypeVar("T")

_BLOCK = 16_384
"""Draws taken from the generator at once; a scalar call of numpy costs about ten times as much."""


class Dice:
    """Scalar draws in a fixed order; the same generator seed gives the same draws."""

    __slots__ = ("_next_normal", "_next_unit", "_normals", "_rng", "_units")

    def __init__(self, rng: np.random.Generator) -> None:
        """Draw from ``rng``, which no other code may use afterwards."""
        self._rng = rng
        self._units: list[float] = []
        self._normals: list[float] = []
        self._next_unit = self._units.pop
        self._next_normal = self._normals.pop

    def unit(self) -> float:
        """Draw uniformly from [0, 1)."""
        try:
            return self._next_unit()
        except IndexError:
            self._units.extend(self._rng.random(_BLOCK).tolist())
            return self._next_unit()

    def normal(self) -> float:
        """Draw from the standard normal distribution."""
        try:
            return self._next_normal()
        except IndexError:
            self._normals.extend(self._rng.standard_normal(_BLOCK).tolist())
            return self._next_normal()

    def pick(self, values: Sequence[T]) -> T:
        """One of ``values``, each as likely."""
        return values[int(self.unit() * len(values))]

    def below(self, limit: int) -> int:
        """Draw an integer from [0, limit)."""
        return int(self.unit() * limit)

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self.unit() < probability

    def between(self, low: float, high: float) -> float:
        """Draw uniformly from [low, high)."""
        return low + (high - low) * self.unit()

    def lognormal(self, median: float, sigma: float) -> float:
        """Draw from the log-normal distribution with this median."""
        return median * math.exp(sigma * self.normal())

    def exponential(self, mean: float) -> float:
        """Draw from the exponential distribution with this mean."""
        return -mean * math.log(1.0 - self.unit())

    def some(self, values: Sequence[T], count: int) -> tuple[T, ...]:
        """``count`` values, repetition possible."""
        return tuple(self.pick(values) for _ in range(count))
