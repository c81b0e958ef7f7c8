"""Cohorts: what began together, more of it than usual, in logs that say nothing.

* Payments with several accounts each that all began within hours. One new payment is a new
  customer, and its accounts a team. Made for a purpose, many begin at once.
* Owners whose answers have grown since the same day (change_points.py), and lastingly. One
  product changes; many unrelated ones do not, on one day.

Where accounts say something, that tells campaigns apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.graph.membership import turn_lasts
from stream.campaigns.graph.snapshot import CONTENT
from stream.core.links import LinkKind

if TYPE_CHECKING:
    from stream.campaigns.graph.snapshot import Snapshot
    from stream.campaigns.links.edges import EdgeTable
    from stream.core.batch import Array

_PAID_WITHIN_S: Final = 3 * 3600.0
#: What is there when watching begins has not begun together.
_PAID_WARM_UP_S: Final = 6 * 3600.0
_TURNED_WITHIN_S: Final = 24 * 3600.0
#: Before, too few accounts know their own past.
_TURNED_WARM_UP_S: Final = 48 * 3600.0
#: Customers sign up by day and hardly by night, and on some days more than on others.
_SWING: Final = 3.0
_LEAST: Final = 3
_SAID: Final = (*CONTENT, LinkKind.PHRASE)
_MOST_COHORTS: Final = 8


@dataclass(frozen=True, slots=True)
class Bursts:
    """When things (payments by value slot, or owners) began, NaN for those that are not watched."""

    began: Array  # epoch seconds
    within_s: float
    #: Windows of ``within_s`` in which one could have seen something begin, at least one.
    windows: float

    @classmethod
    def of_payments(cls, table: EdgeTable, snapshot: Snapshot, *, origin: float) -> Bursts:
        """Look at all payments; ``origin`` is when anything was first seen."""
        shared = snapshot.stop - snapshot.start > 1
        said = np.zeros(len(snapshot.owner), bool)
        said[snapshot.account[np.isin(snapshot.kind[snapshot.value], _SAID)]] = True
        heard = np.zeros(len(snapshot.kind), bool)
        heard[snapshot.value[said[snapshot.account]]] = True
        payments = np.flatnonzero(shared & ~heard & (snapshot.kind == LinkKind.PAYMENT))
        at = snapshot.at(payments)
        first = np.full(len(snapshot.kind), np.inf)
        np.minimum.at(first, snapshot.value[at], table.edges["since"][snapshot.edges[at]])
        return cls._of(first, snapshot, origin + _PAID_WARM_UP_S, _PAID_WITHIN_S)

    @classmethod
    def of_turns(
        cls, table: EdgeTable, snapshot: Snapshot, *, origin: float, remember_s: float
    ) -> Bursts:
        """Look at all owners with an account that has turned; forgotten after ``remember_s``."""
        at = np.flatnonzero(snapshot.kind[snapshot.value] == LinkKind.CHANGE_POINT)
        at = at[turn_lasts(table, snapshot.edges[at])]
        first = np.full(len(snapshot.owner) + len(snapshot.kind), np.inf)
        np.minimum.at(
            first, snapshot.owner[snapshot.account[at]], table.edges["since"][snapshot.edges[at]]
        )
        watched = max(origin + _TURNED_WARM_UP_S, snapshot.time - remember_s)
        return cls._of(first, snapshot, watched, _TURNED_WITHIN_S)

    @classmethod
    def _of(cls, first: Array, snapshot: Snapshot, watched: float, within_s: float) -> Bursts:
        began = np.where(np.isfinite(first) & (first >= watched), first, np.nan)
        span_s = snapshot.time - watched if math.isfinite(watched) else 0.0
        return cls(began, within_s, max(span_s / within_s, 1.0))

    def find(self) -> list[Array]:
        """Return the things of the windows with most of them, the fullest first."""
        left = np.flatnonzero(~np.isnan(self.began))
        found: list[Array] = []
        while len(found) < _MOST_COHORTS:
            inside = self._busiest(left)
            if len(inside) < _LEAST:
                break
            found.append(np.sort(inside))
            left = np.setdiff1d(left, inside)
        return found

    def together(self, things: Array) -> tuple[int, float]:
        """Return how many of the things began together, and how many usually do."""
        inside = self._busiest(things[~np.isnan(self.began[things])])
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

    def _busiest(self, things: Array) -> Array:
        order = things[np.lexsort((things, self.began[things]))]
        times = self.began[order]
        if not len(times):
            return order
        until = np.searchsorted(times, times + self.within_s, side="right")
        first = int(np.argmax(until - np.arange(len(times))))
        return np.asarray(order[first : until[first]])
