"""From evidence to a calibrated score: how rarely a benign account shows that much.

What is calibrated is the greatest evidence of an account in a block of six hours, so that
judging it every quarter of an hour costs nothing extra in false alarms (a fixed test per window
would add up). An account in alarm teaches nothing here. A theoretical tail stays below as a
floor: however quiet a population is, two rare things must really coincide.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.detection.tails import Tails
from stream.store.columns import Field

if TYPE_CHECKING:
    from stream.accounts.detection.settings import DetectionSettings
    from stream.core.events import Array
    from stream.store.account_table import AccountTable

#: Evidence is counted in decades; more than this is all the same.
MOST: Final = 16.0
_BLOCK_S: Final = 6 * 3600.0
_BLOCKS_A_DAY: Final = 4
#: -log10 of the probability of evidence e, were its indicators independent: between 4 and 8 it is
#: this line to within 0.05 (numerical integration of the formula in evidence.py); below, the line
#: through 0 is the bound.
_SLOPE: Final = 0.895
_OFFSET: Final = 0.5
_BOUND: Final = 0.75
#: Sums over a day change slowly: a day has about so many independent looks.
_LOOKS_A_DAY: Final = 2.0
#: Fewer finished blocks than this do not bend the theoretical tail.
_LEAST_BLOCKS: Final = 100
_ACCOUNTS: Final = 10_000


class Calibration:
    """Peaks of benign evidence per account and block, and what they say of new evidence."""

    FIELDS: Final = (
        Field("block", np.dtype("<i8"), initial=-1),
        Field("block_peak", np.dtype("<f4"), initial=np.nan),
    )

    def __init__(
        self, settings: DetectionSettings, table: AccountTable, *, open_score: float
    ) -> None:
        """Work on ``table``, which has to have :attr:`FIELDS`.

        ``open_score`` is the score of an account that is just as rare as the budget allows.
        """
        self.peaks: Final = Tails(1, half_life_s=settings.population_half_life_s)
        self._table = table
        budget = settings.alerts_budget / _ACCOUNTS
        # A score grows with the decades of rareness; the budget's rareness is the open score.
        self._score_per_decade = math.log10(1 - open_score) / math.log10(budget)

    def scores(self, evidence: Array) -> Array:
        """Return scores 0..1 for evidence (n,) in decades: ``1 - p ** k``.

        ``p`` is how likely a benign account shows as much on a day, and k is such that the alert
        budget lies at the open score.
        """
        return np.asarray(1 - 10.0 ** (-self._score_per_decade * self._rareness(evidence)))

    def _rareness(self, evidence: Array) -> Array:
        """Return -log10 of the daily probability, shape ``(n,)``."""
        single = np.maximum(_SLOPE * evidence - _OFFSET, _BOUND * evidence)
        rareness = single - math.log10(_LOOKS_A_DAY)
        if self.peaks.weights.sum() >= _LEAST_BLOCKS:
            seen = self.peaks.decades(evidence[:, None] / MOST, most=math.inf)[:, 0]
            rareness = np.minimum(rareness, seen - math.log10(_BLOCKS_A_DAY))
        return np.asarray(np.maximum(rareness, 0))

    def learn(self, time: float, slots: Array, evidence: Array, benign: Array) -> None:
        """Keep the peaks of open blocks and add those of finished ones.

        ``benign`` (n,) is False for accounts that are called anomalous now: the block counts for
        nothing then.
        """
        table, block = self._table, int(time // _BLOCK_S)
        peak = table["block_peak"][slots]
        finished = (table["block"][slots] != block) & ~np.isnan(peak)
        if finished.any():
            self.peaks.learn(time, np.sort(peak[finished])[:, None].astype(np.float64) / MOST)
        fresh = table["block"][slots] != block
        peak = np.where(fresh, 0, peak)
        # NaN marks a block with an alarm: it stays out whatever follows.
        peak = np.where(benign, np.maximum(peak, evidence), np.nan)
        table["block_peak"][slots] = peak
        table["block"][slots] = block
