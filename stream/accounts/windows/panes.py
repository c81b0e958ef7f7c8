"""Rolling sums over panes: a ring per account and horizon, in event time.

A horizon is cut into panes of equal width, aligned to the epoch; the rolling sum at a time is the
sum of the newest ``panes`` panes, the unfinished one included::

    hour   |10m|10m|10m|10m|10m|10m|      day   12 x 2 h      week   7 x 1 day
                                 ▲ now
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.store.columns import Field

if TYPE_CHECKING:
    from stream.core.batch import AccountSlots, Floats, Positions, Seconds
    from stream.store.account_table import AccountTable


@dataclass(frozen=True, slots=True)
class Horizon:
    """A rolling span of ``panes * width_s`` seconds, over the first ``metrics`` there are."""

    name: str
    panes: int
    width_s: float
    metrics: int


HORIZONS: Final = {
    horizon.name: horizon
    for horizon in (
        Horizon("hour", 6, 600.0, metrics=3),
        Horizon("day", 12, 7200.0, metrics=5),
        Horizon("week", 7, 86400.0, metrics=1),
    )
}


class PaneRing:
    """Rolling sums of several metrics over one horizon; state in the field ``ring_<name>``."""

    def __init__(self, horizon: Horizon, table: AccountTable) -> None:
        """Use the table's field, which :meth:`field` declares."""
        self._horizon = horizon
        self._table = table

    @staticmethod
    def field(horizon: Horizon) -> Field:
        """Return the field of the ring: shape ``(metrics, panes)``, f4."""
        return Field(f"ring_{horizon.name}", np.dtype("<f4"), (horizon.metrics, horizon.panes))

    def add(self, slots: AccountSlots, time: float, last_seen: Seconds, sums: Floats) -> None:
        """Add the first of ``sums`` (n, all metrics) to the pane of ``time``.

        ``last_seen`` (n,) is the time of the newest sum that each slot already holds (NaN: none):
        panes since then are emptied first.
        """
        ring = self._table[f"ring_{self._horizon.name}"]
        pane = self._pane(time)
        last = self._last_pane(last_seen)
        if len(late := np.flatnonzero(last < pane)):
            # Most accounts have just been seen: their panes are those of this time already.
            which, position = (self._held(pane) > last[late, None]).nonzero()
            ring[slots[late[which]], :, position] = 0
        ring[slots, :, pane % self._horizon.panes] += sums[:, : self._horizon.metrics]

    def totals(self, slots: AccountSlots, time: float, last_seen: Seconds) -> Floats:
        """Return the rolling sums at ``time``, shape ``(n, metrics)``, f8."""
        ring = self._table[f"ring_{self._horizon.name}"].take(slots, axis=0).astype(np.float64)
        valid = self._valid(time, last_seen)
        # Whole numbers below 2 ** 53: exact in any order.
        if valid.ndim == 1:
            return np.asarray(ring @ valid)
        return np.asarray(np.einsum("nmp,np->nm", ring, valid))

    def total(self, metric: int, slots: AccountSlots, time: float, last_seen: Seconds) -> Floats:
        """Return the rolling sum of one metric at ``time``, shape ``(n,)``, f8."""
        ring = self._table[f"ring_{self._horizon.name}"][slots, metric].astype(np.float64)
        valid = self._valid(time, last_seen)
        return np.asarray(ring @ valid if valid.ndim == 1 else (ring * valid).sum(axis=1))

    def _valid(self, time: float, last_seen: Seconds) -> Floats:
        """Return 1 for panes that are not too old, else 0: ``(n, panes)``, or ``(panes,)`` of all.

        Accounts that have just been seen all hold the same panes.
        """
        last, panes = self._last_pane(last_seen), self._horizon.panes
        same = len(last) and last.min() == last.max()
        last = last[0] if same else last[:, None]
        held = last - (last - np.arange(panes)) % panes
        return np.asarray((held > self._pane(time) - panes).astype(np.float64))

    def _pane(self, time: float) -> int:
        return int(time // self._horizon.width_s)

    def _held(self, pane: int) -> Positions:
        """Return which pane number each ring position holds once ``pane`` is the newest."""
        panes = self._horizon.panes
        return (pane - (pane - np.arange(panes)) % panes)[None, :]

    def _last_pane(self, last_seen: Seconds) -> Positions:
        never = np.isnan(last_seen)
        pane = np.floor_divide(np.where(never, 0, last_seen), self._horizon.width_s)
        return np.where(never, -(2**40), pane).astype(np.int64)
