"""Bursts: more payments or owners that began within one window than in any by chance.

* Payments with several accounts each that all began within hours. One new payment is a new
  customer, and its accounts a team; payments made for a purpose begin together.
* Owners whose accounts have had longer answers since the same day (accounts/detection has the
  change point), and lastingly. The answers of one product change; those of many unrelated ones do
  not, on one day.

This finds campaigns in logs without text; with text, other evidence does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.graph.membership import change_point_lasts
from stream.campaigns.graph.snapshot import CONTENT
from stream.core.links import LinkKind

if TYPE_CHECKING:
    from stream.campaigns.graph.snapshot import Snapshot
    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.core.batch import Seconds, Slots, ValueSlots

#: Payments of one purpose begin within this (assumed).
_PAYMENT_WINDOW_S: Final = 3 * 3600.0
#: Payments that are there when the log begins have not begun together (assumed).
_PAYMENT_WARM_UP_S: Final = 6 * 3600.0
#: Accounts that move together change within a day (assumed).
_CHANGE_WINDOW_S: Final = 24 * 3600.0
#: Before that, too few accounts know their own past (assumed).
_CHANGE_WARM_UP_S: Final = 48 * 3600.0
#: Customers sign up by day and hardly by night, and on some days more than on others (assumed).
_SWING: Final = 3.0
#: A burst has at least this number; that number of bursts is scored at once (assumed).
_LEAST: Final = 3
_MOST_BURSTS: Final = 8
_TEXT: Final = (*CONTENT, LinkKind.PHRASE)


@dataclass(frozen=True, slots=True)
class ScanStatistic:
    """When payments (by value slot) or owners began; NaN for those that are not watched."""

    began: Seconds
    window_s: float
    #: Windows of ``window_s`` in which a beginning could have been seen, at least one.
    windows: float

    @classmethod
    def of_payments(
        cls, graph: BipartiteGraph, snapshot: Snapshot, *, origin: float
    ) -> ScanStatistic:
        """Watch the payments of accounts without text; ``origin``: when anything was first seen."""
        shared = snapshot.stop - snapshot.start > 1
        has_text = np.zeros(len(snapshot.owner), bool)
        has_text[snapshot.account[np.isin(snapshot.kind[snapshot.value], _TEXT)]] = True
        with_text = np.zeros(len(snapshot.kind), bool)
        with_text[snapshot.value[has_text[snapshot.account]]] = True
        payments = np.flatnonzero(shared & ~with_text & (snapshot.kind == LinkKind.PAYMENT))
        at = snapshot.at(payments)
        first = np.full(len(snapshot.kind), np.inf)
        np.minimum.at(first, snapshot.value[at], graph.edges["since"][snapshot.edges[at]])
        return cls._of(first, snapshot, origin + _PAYMENT_WARM_UP_S, _PAYMENT_WINDOW_S)

    @classmethod
    def of_change_points(
        cls, graph: BipartiteGraph, snapshot: Snapshot, *, origin: float, remember_s: float
    ) -> ScanStatistic:
        """Watch the owners of accounts with a change point; forgotten after ``remember_s``."""
        at = np.flatnonzero(snapshot.kind[snapshot.value] == LinkKind.CHANGE_POINT)
        at = at[change_point_lasts(graph, snapshot.edges[at])]
        first = np.full(len(snapshot.owner) + len(snapshot.kind), np.inf)
        np.minimum.at(
            first, snapshot.owner[snapshot.account[at]], graph.edges["since"][snapshot.edges[at]]
        )
        watched = max(origin + _CHANGE_WARM_UP_S, snapshot.time - remember_s)
        return cls._of(first, snapshot, watched, _CHANGE_WINDOW_S)

    @classmethod
    def _of(
        cls, first: Seconds, snapshot: Snapshot, watched: float, window_s: float
    ) -> ScanStatistic:
        began = np.where(np.isfinite(first) & (first >= watched), first, np.nan)
        span_s = snapshot.time - watched if math.isfinite(watched) else 0.0
        return cls(began, window_s, max(span_s / window_s, 1.0))

    def find(self) -> list[ValueSlots]:
        """Return the payments of the fullest windows, the fullest window first."""
        left = np.flatnonzero(~np.isnan(self.began))
        found: list[ValueSlots] = []
        while len(found) < _MOST_BURSTS:
            inside = self._fullest(left)
            if len(inside) < _LEAST:
                break
            found.append(np.sort(inside))
            left = np.setdiff1d(left, inside)
        return found

    def busiest(self, some: Slots) -> tuple[int, float]:
        """Return how many of some payments or owners began together, and how many by chance."""
        inside = self._fullest(some[~np.isnan(self.began[some])])
        others = int(np.count_nonzero(~np.isnan(self.began))) - len(inside)
        return len(inside), _SWING * (others + 1) / self.windows

    def log_p(self, count: int, expected: float) -> float:
        """Return -ln p of a window with that count among all windows, at least 0.

        The Chernoff bound of a Poisson tail, less the number of windows that were searched.
        """
        if count <= expected:
            return 0.0
        tail = count * math.log(count / expected) - count + expected
        return max(tail - math.log(self.windows), 0.0)

    def _fullest(self, some: Slots) -> Slots:
        order = some[np.lexsort((some, self.began[some]))]
        times = self.began[order]
        if not len(times):
            return order
        until = np.searchsorted(times, times + self.window_s, side="right")
        first = int(np.argmax(until - np.arange(len(times))))
        return np.asarray(order[first : until[first]])
