"""How far out in the upper tail a value is, from decayed histograms, one per stream of values.

The answer is a **surprisal**: -log10 of the probability of a value at least as high (Tribus,
Thermostatics and Thermodynamics, 1961). Its unit is the hartley (IEC 80000-13): 2 hartleys are
one in a hundred. All of account detection counts in hartleys.

Inside the bulk the surprisal is that of the empirical tail. Above the 80th percentile it is that
of the exponential tail through the 80th and 95th percentile (peaks over threshold, Siffer et al.,
KDD 2017, with quantiles in place of moments): a few attackers among what was learnt cannot make
their own values common.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from stream.core.batch import Floats, Positions

#: Resolution of the scale 0..1. Assumed: a quarter of _STEEPEST would do.
BINS: Final = 256
#: Tail probabilities of the two quantiles that the exponential tail goes through. Cited: Siffer et
#: al. take the 98th percentile of thousands; populations here may have hundreds, hence lower ones.
_BULK: Final = 0.2
_FAR: Final = 0.05
#: The steepest tail that is believed, as a share of the scale per factor e. Assumed: five bins.
_STEEPEST: Final = 0.02


class Tails:
    """Histograms of S streams of values on the scale 0..1; memory is ``S * BINS * 8`` bytes."""

    def __init__(self, streams: int, *, half_life_s: float) -> None:
        """Start with nothing learnt."""
        self.weights: Floats = np.zeros((streams, BINS))
        self.time = math.nan
        self._half_life_s = half_life_s
        self._fit: tuple[Floats, Floats, Floats, Floats] | None = None

    def learn(self, time: float, values: Floats, weights: Floats | float = 1.0) -> None:
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

    def surprisal(self, values: Floats, *, most: float) -> Floats:
        """Return the surprisal of values (n, S) in hartleys, within 0..most; 0 when unknown."""
        above, total, knee, slope = self._fitted()
        known = ~np.isnan(values) & (total > 0)
        filled = np.where(known, values, 0)
        tail = above[np.arange(values.shape[1]), _bins(filled)] / np.where(total > 0, total, 1)
        inside = -np.log10(np.clip(tail, _BULK, 1))
        beyond = -math.log10(_BULK) + (filled - knee) / (slope * math.log(10))
        surprisal = np.where(filled > knee, beyond, inside)
        return np.asarray(np.where(known, np.clip(surprisal, 0, most), 0))

    def medians(self) -> Floats:
        """Return the median of each stream, shape ``(S,)``; NaN where nothing was learnt."""
        above, total, _, _ = self._fitted()
        return np.where(total > 0, _quantile(above, total, 0.5), np.nan)

    def load(self, time: float, weights: Floats) -> None:
        """Restore stored weights (S, BINS) as they were at ``time``; copies them."""
        self.time = time
        self.weights = weights.copy()
        self._fit = None

    def _fitted(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Return (weight at or above each bin (S, BINS), total, 80th percentile, slope)."""
        if self._fit is None:
            above = np.cumsum(self.weights[:, ::-1], axis=1)[:, ::-1]
            total = above[:, 0]
            knee, far = _quantile(above, total, _BULK), _quantile(above, total, _FAR)
            slope = np.maximum((far - knee) / math.log(_BULK / _FAR), _STEEPEST)
            self._fit = above, total, knee, slope
        return self._fit


def _bins(values: Floats) -> Positions:
    return np.asarray(np.clip((values * BINS).astype(np.int64), 0, BINS - 1))


def _quantile(above: Floats, total: Floats, tail: float) -> Floats:
    """Return the upper edge of the last bin with more than ``tail`` of the weight at or above."""
    return np.asarray((above > tail * total[:, None]).sum(axis=1) / BINS)
