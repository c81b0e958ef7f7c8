"""How far out in the upper tail a value lies, from decayed histograms; one per stream.

Surprise is counted in decades: 2 means one in a hundred. Inside the bulk it is the empirical
tail. Above the 80th percentile it is the exponential tail through the 80th and 95th percentile
(peaks over threshold, Siffer et al., KDD 2017, with quantiles in place of moments): a few
attackers among what was learnt cannot make themselves ordinary.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from stream.core.events import Array

BINS: Final = 256
_BULK: Final = 0.2
_FAR: Final = 0.05
#: The steepest tail that is believed, as a share of the scale per factor e.
_STEEPEST: Final = 0.02


class Tails:
    """Histograms of S streams of values on the scale 0..1; memory is ``S * BINS * 8`` bytes."""

    def __init__(self, streams: int, *, half_life_s: float) -> None:
        """Start with nothing learnt."""
        self.weights = np.zeros((streams, BINS))
        self.time = math.nan
        self._half_life_s = half_life_s
        self._fit: tuple[Array, Array, Array, Array] | None = None

    def learn(self, time: float, values: Array, weights: Array | float = 1.0) -> None:
        """Add values (n, S) seen at ``time`` (epoch seconds), each row with its weight (n,).

        NaN adds nothing.
        """
        if time > self.time:
            self.weights *= 2.0 ** (-(time - self.time) / self._half_life_s)
        self.time = max(time, self.time) if not math.isnan(self.time) else time
        rows, streams = np.nonzero(~np.isnan(values))
        each = np.broadcast_to(weights, len(values))
        np.add.at(self.weights, (streams, _bins(values[rows, streams])), each[rows])
        self._fit = None

    def decades(self, values: Array, *, most: float) -> Array:
        """Return -log10 of the upper tail of values (n, S), within 0..most; 0 for unknown."""
        above, total, knee, slope = self._fitted()
        known = ~np.isnan(values) & (total > 0)
        filled = np.where(known, values, 0)
        tail = above[np.arange(values.shape[1]), _bins(filled)] / np.where(total > 0, total, 1)
        inside = -np.log10(np.clip(tail, _BULK, 1))
        beyond = -math.log10(_BULK) + (filled - knee) / (slope * math.log(10))
        surprise = np.where(filled > knee, beyond, inside)
        return np.asarray(np.where(known, np.clip(surprise, 0, most), 0))

    def medians(self) -> Array:
        """Return the median of each stream, shape ``(S,)``; NaN where nothing was learnt."""
        above, total, _, _ = self._fitted()
        return np.where(total > 0, _quantile(above, total, 0.5), np.nan)

    def load(self, time: float, weights: Array) -> None:
        """Put back stored weights (S, BINS) as they were at ``time``; copies them."""
        self.time = time
        self.weights = weights.copy()
        self._fit = None

    def _fitted(self) -> tuple[Array, Array, Array, Array]:
        """Return (weight at or above each bin (S, BINS), total, 80th percentile, slope)."""
        if self._fit is None:
            above = np.cumsum(self.weights[:, ::-1], axis=1)[:, ::-1]
            total = above[:, 0]
            knee, far = _quantile(above, total, _BULK), _quantile(above, total, _FAR)
            slope = np.maximum((far - knee) / math.log(_BULK / _FAR), _STEEPEST)
            self._fit = above, total, knee, slope
        return self._fit


def _bins(values: Array) -> Array:
    return np.asarray(np.clip((values * BINS).astype(np.int64), 0, BINS - 1))


def _quantile(above: Array, total: Array, tail: float) -> Array:
    """Return the upper edge of the last bin with more than ``tail`` of the weight at or above."""
    return np.asarray((above > tail * total[:, None]).sum(axis=1) / BINS)
