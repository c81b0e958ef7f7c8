"""From evidence to a calibrated score: how rarely a benign account shows as much.

The greatest evidence of an account in a block of six hours is calibrated, so that a score every
quarter of an hour adds no false alarms (a fixed test per window would add up). Nothing is learnt
from an anomalous account. A theoretical tail is the lower bound: in however quiet a population,
two rare indicators must really coincide.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.detection.tails import Tails
from stream.store.columns import Field

if TYPE_CHECKING:
    from stream.accounts.detection.settings import DetectionSettings
    from stream.core.batch import AccountSlots, Floats, Mask
    from stream.store.account_table import AccountTable

#: Evidence beyond this makes no difference, in hartleys. Assumed: no population is so large.
_MOST_HART: Final = 16.0
#: Assumed: long enough for a campaign to be one block, short enough to have four in a day.
_BLOCK_S: Final = 6 * 3600.0
_BLOCKS_A_DAY: Final = 4
#: Surprisal of evidence e if its indicators are independent. Measured by numerical integration of
#: the formula in evidence.py: between 4 and 8 it is this line to within 0.05; below, the line
#: through 0 is the bound.
_SLOPE: Final = 0.895
_OFFSET: Final = 0.5
_BOUND: Final = 0.75
#: Independent scores of an account in a day. Assumed: sums over a day change slowly.
_LOOKS_A_DAY: Final = 2.0
#: Fewer finished blocks than this do not correct the theoretical tail. Assumed.
_LEAST_BLOCKS: Final = 100
#: The unit of detection.alerts_budget: incidents per 10,000 accounts and day.
_ACCOUNTS: Final = 10_000


class Calibration:
    """Peaks of benign evidence per account and block, and the score of new evidence by them."""

    FIELDS: Final = (
        Field("block", np.dtype("<i8"), initial=-1),
        Field("block_peak", np.dtype("<f4"), initial=np.nan),
    )

    def __init__(
        self, settings: DetectionSettings, table: AccountTable, *, open_score: float
    ) -> None:
        """Work on ``table``, which must have :attr:`FIELDS`.

        ``open_score`` is the score of an account that is just as rare as the budget allows.
        """
        self.peaks: Final = Tails(1, half_life_s=settings.population_half_life_s)
        self._table = table
        budget = settings.alerts_budget / _ACCOUNTS
        # 1 - score falls by a constant factor per hartley; the budget lies at the open score.
        self._per_hartley = math.log10(1 - open_score) / math.log10(budget)

    def scores(self, evidence: Floats) -> Floats:
        """Return scores 0..1 for evidence (n,) in hartleys: ``1 - p ** k``.

        ``p`` is the probability that a benign account shows as much in a day; k puts the alert
        budget at the open score.
        """
        return np.asarray(1 - 10.0 ** (-self._per_hartley * self._surprisal(evidence)))

    def _surprisal(self, evidence: Floats) -> Floats:
        """Return the surprisal of as much evidence in a day, shape ``(n,)``, in hartleys."""
        single = np.maximum(_SLOPE * evidence - _OFFSET, _BOUND * evidence)
        surprisal = single - math.log10(_LOOKS_A_DAY)
        if self.peaks.weights.sum() >= _LEAST_BLOCKS:
            seen = self.peaks.surprisal(evidence[:, None] / _MOST_HART, most=math.inf)[:, 0]
            surprisal = np.minimum(surprisal, seen - math.log10(_BLOCKS_A_DAY))
        return np.asarray(np.maximum(surprisal, 0))

    def learn(self, time: float, slots: AccountSlots, evidence: Floats, benign: Mask) -> None:
        """Keep the peaks of open blocks and add those of finished ones.

        ``benign`` (n,) is False for accounts that are anomalous now: their block does not count.
        """
        table, block = self._table, int(time // _BLOCK_S)
        peak = table["block_peak"][slots]
        finished = (table["block"][slots] != block) & ~np.isnan(peak)
        if finished.any():
            self.peaks.learn(time, np.sort(peak[finished])[:, None].astype(np.float64) / _MOST_HART)
        fresh = table["block"][slots] != block
        peak = np.where(fresh, 0, peak)
        # NaN marks a block with an alarm: it stays out whatever follows.
        peak = np.where(benign, np.maximum(peak, evidence), np.nan)
        table["block_peak"][slots] = peak
        table["block"][slots] = block
