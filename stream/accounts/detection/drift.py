"""Concept drift: when many accounts change at once, the change of one of them means little.

A new model may give everyone longer answers, a gateway may log another unit. Then the share of
settled accounts that are suspect rises. It is counted with decay and compared by Chernoff's bound
(Hoeffding, 1963, theorem 1). River's ADWIN would do, but its window is native code that only a
pickle stores.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

if TYPE_CHECKING:
    from stream.core.batch import Mask

#: Share of settled accounts that may be suspect at once. Measured on the benchmark's first set:
#: usually one in a hundred is.
_SHARE: Final = 0.05
#: Half-life of the count. Assumed: shorter than detection.sustain_s, so that the guard acts before
#: an account of a changed population is reported.
_HALF_LIFE_S: Final = 1200.0
#: Chernoff exponent from which the share counts as exceeded, in nats. Assumed: one in a thousand.
_EXPONENT: Final = 7.0
#: The count assumes at least this between two scores of an account: a window of event time, by
#: default, whatever detection.score_every_s is.
_LEAST_INTERVAL_S: Final = 60.0


class Drift(msgspec.Struct, frozen=True):
    """Decayed account-hours of settled accounts: scored, and suspect."""

    time: float = -math.inf  # epoch seconds
    scored: float = 0.0
    suspect: float = 0.0

    def more(self, time: float, *, scored: float, suspect: float) -> Drift:
        """Return this with more account-hours added at ``time``."""
        time = max(time, self.time)
        kept = 2.0 ** (-(time - self.time) / _HALF_LIFE_S)
        return Drift(time, self.scored * kept + scored, self.suspect * kept + suspect)

    @property
    def exceeded(self) -> bool:
        """Return whether too many accounts are suspect at once; never for a handful of accounts."""
        share = self.suspect / self.scored if self.scored else 0.0
        return share > _SHARE and self.scored * _divergence(share, _SHARE) > _EXPONENT


class DriftGuard:
    """Suppresses findings on accounts that change together with much of the population."""

    def __init__(self, *, score_every_s: float) -> None:
        """An account is scored at most every ``score_every_s`` seconds."""
        self._hours = max(score_every_s, _LEAST_INTERVAL_S) / 3600
        self.drift = Drift()

    def observe(self, time: float, settled: Mask, suspect: Mask) -> None:
        """Count the accounts (n,) scored at ``time`` that are settled, and suspect among them."""
        self.drift = self.drift.more(
            time,
            scored=self._hours * int(np.count_nonzero(settled)),
            suspect=self._hours * int(np.count_nonzero(settled & suspect)),
        )

    def suppresses(self, settled: Mask, anomalous: Mask) -> Mask:
        """Return which accounts (n,) are suppressed while the share is exceeded.

        A settled account is; one that was anomalous before stays so. A new account has no past to
        change from, so it is never suppressed.
        """
        if not self.drift.exceeded:
            return np.zeros(len(settled), bool)
        return np.asarray(settled & ~anomalous)


def _divergence(share: float, expected: float) -> float:
    """Return the Kullback-Leibler divergence of two Bernoulli distributions, in nats."""
    rest = (1 - share) * math.log((1 - share) / (1 - expected)) if share < 1 else 0.0
    return share * math.log(share / expected) + rest
