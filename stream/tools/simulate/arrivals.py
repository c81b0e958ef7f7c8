"""RenewalProcess of one account inside a step: a renewal process in the time of its own rate.

Gaps are Gamma distributed with mean 1 in operational time (the integral of the rate) and the
remainder is carried over steps, so bursts (a coefficient of variation above 1) span them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_BLOCK = 128


class RenewalProcess:
    """The renewal process of one account."""

    __slots__ = ("_cv", "_gaps", "_rng", "_wait")

    def __init__(self, cv: float, rng: np.random.Generator) -> None:
        """``cv``: coefficient of variation of the gaps (1 is a Poisson process)."""
        self._cv = cv
        self._rng = rng
        self._gaps: list[float] = []
        # A process that began long ago: the wait for the first arrival is spread out.
        self._wait = self._gap() * float(rng.random())

    def _gap(self) -> float:
        if not self._gaps:
            square = self._cv * self._cv
            self._gaps = self._rng.gamma(1.0 / square, square, _BLOCK).tolist()
        return self._gaps.pop()

    def between(self, start_s: float, step_s: float, rate: float) -> list[float]:
        """Arrival times in [start_s, start_s + step_s) at this mean rate, ascending."""
        load = rate * step_s
        wait = self._wait
        if wait >= load:
            self._wait = wait - load
            return []
        times: list[float] = []
        while wait < load:
            times.append(start_s + wait / rate)
            wait += self._gap()
        self._wait = wait - load
        return times
