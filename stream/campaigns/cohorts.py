"""Cohorts: payments with several accounts each that all began within hours, more than usual.

One new payment is a new customer, and its accounts a team. Made for a purpose, many begin at
once. This is for logs without text: where accounts say something, that tells campaigns apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.snapshot import CONTENT
from stream.types.links import LinkKind

if TYPE_CHECKING:
    from stream.campaigns.edges import EdgeTable
    from stream.campaigns.snapshot import Snapshot
    from stream.types.batch import Array

_WINDOW_S: Final = 3 * 3600.0
#: What is there when watching begins has not begun together.
_WARM_UP_S: Final = 6 * 3600.0
#: Customers sign up by day and hardly by night, and on some days more than on others.
_SWING: Final = 3.0
_LEAST: Final = 3
_SAID: Final = (*CONTENT, LinkKind.PHRASE)
_MOST_COHORTS: Final = 8


@dataclass(frozen=True, slots=True)
class Cohorts:
    """When shared payments began to be used; NaN for other values, shape (value capacity,)."""

    began: Array
    #: Windows since watching began, at least one.
    windows: float

    @classmethod
    def of(cls, table: EdgeTable, snapshot: Snapshot, *, origin: float) -> Cohorts:
        """Look at all payments; ``origin`` is when anything was first seen."""
        shared = snapshot.stop - snapshot.start > 1
        said = np.zeros(len(snapshot.owner), bool)
        said[snapshot.account[np.isin(snapshot.kind[snapshot.value], _SAID)]] = True
        heard = np.zeros(len(snapshot.kind), bool)
        heard[snapshot.value[said[snapshot.account]]] = True
        payments = np.flatnonzero(shared & ~heard & (snapshot.kind == LinkKind.PAYMENT))
        began = np.full(len(snapshot.kind), np.nan)
        at = snapshot.at(payments)
        first = np.full(len(began), np.inf)
        np.minimum.at(first, snapshot.value[at], table.edges["since"][snapshot.edges[at]])
        watched = first[payments] >= origin + _WARM_UP_S
        began[payments[watched]] = first[payments[watched]]
        span_s = snapshot.time - origin - _WARM_UP_S if math.isfinite(origin) else 0.0
        return cls(began, max(span_s / _WINDOW_S, 1.0))

    def find(self) -> list[Array]:
        """Return the payments (slots) of the windows with most of them, the fullest first."""
        left = np.flatnonzero(~np.isnan(self.began))
        found: list[Array] = []
        while len(found) < _MOST_COHORTS:
            inside = self._busiest(left)
            if len(inside) < _LEAST:
                break
            found.append(np.sort(inside))
            left = np.setdiff1d(left, inside)
        return found

    def together(self, payments: Array) -> tuple[int, float]:
        """Return how many of the payments (slots) began together, and how many usually do."""
        inside = self._busiest(payments[~np.isnan(self.began[payments])])
        others = int(np.count_nonzero(~np.isnan(self.began))) - len(inside)
        return len(inside), _SWING * (others + 1) / self.windows

    def surprise(self, count: int, usual: float) -> float:
        """Return how surprising so many are in any window, natural logarithm, at least 0.

        The Chernoff bound of a Poisson tail, less the number of windows that were looked at.
        """
        if count <= usual:
            return 0.0
        tail = count * math.log(count / usual) - count + usual
        return max(tail - math.log(self.windows), 0.0)

    def _busiest(self, payments: Array) -> Array:
        order = payments[np.lexsort((payments, self.began[payments]))]
        times = self.began[order]
        if not len(times):
            return order
        until = np.searchsorted(times, times + _WINDOW_S, side="right")
        first = int(np.argmax(until - np.arange(len(times))))
        return np.asarray(order[first : until[first]])
