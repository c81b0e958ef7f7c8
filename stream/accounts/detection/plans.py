"""What accounts of one plan take: use out of proportion to the plan is rare among them.

A gateway logs no plan: the account directory knows it. Without one there is no surprisal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.detection.tails import Tails

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.batch import Fingerprints, Floats, Mask, Positions

#: Plans that are distinguished. Assumed: price lists have fewer; accounts of further plans are
#: compared with the whole population alone.
MOST_PLANS: Final = 16
#: Account-days of a plan below which it is not known what its accounts take. Assumed: the 95th
#: percentile of twenty is one of them.
_LEAST: Final = 20.0


class Plans:
    """Output of a day by plan, on the feature's scale 0..1; deterministic given the calls."""

    def __init__(self, *, half_life_s: float) -> None:
        """Start with nothing learnt."""
        self.tails: Final = Tails(MOST_PLANS, half_life_s=half_life_s)
        self._known: list[int] = []  # keyed fingerprints, in the order of their streams

    @property
    def known(self) -> list[int]:
        """Return the plans that were learnt, in the order of the streams of :attr:`tails`."""
        return list(self._known)

    def restore(self, known: Sequence[int]) -> None:
        """Continue with stored plans, and with stored tails."""
        self._known = list(known[:MOST_PLANS])

    def learn(self, time: float, plans: Fingerprints, output: Floats, weights: Floats) -> None:
        """Learn outputs (n,) of accounts on ``plans`` (n,), 0 where unknown, with weights (n,)."""
        for plan in np.unique(plans[plans > 0]).tolist():
            if plan not in self._known and len(self._known) < MOST_PLANS:
                self._known.append(plan)
        rows, streams = self._streams(plans)
        if len(rows):
            values = np.full((len(plans), MOST_PLANS), np.nan)
            values[rows, streams] = output[rows]
            self.tails.learn(time, values, weights)

    def surprisal(self, plans: Fingerprints, output: Floats, *, most: float) -> Floats:
        """Return how rare each output (n,) is on its plan, hartleys within 0..most, ``(n,)``.

        0 where the plan is not known, or too little of it.
        """
        rows, streams = self._streams(plans)
        values = np.full((len(plans), MOST_PLANS), np.nan)
        values[rows, streams] = output[rows]
        found = self.tails.surprisal(values, most=most).max(axis=1)
        return np.where(self._enough(plans), found, 0)

    def median(self, plan: int) -> float:
        """Return the median output on a plan, on the scale 0..1; NaN where nothing was learnt."""
        if plan not in self._known:
            return float("nan")
        return float(self.tails.medians()[self._known.index(plan)])

    def _enough(self, plans: Fingerprints) -> Mask:
        rows, streams = self._streams(plans)
        enough = np.zeros(len(plans), bool)
        enough[rows] = self.tails.weights.sum(axis=1)[streams] >= _LEAST
        return enough

    def _streams(self, plans: Fingerprints) -> tuple[Positions, Positions]:
        """Return the accounts whose plan is known, and the streams of these plans."""
        matches = plans[:, None] == np.array(self._known, np.uint64)[None, :]
        rows, streams = np.nonzero(matches)
        return rows, streams
