"""Concept drift: when many change at once, the change of one account says little.

A new model may answer everybody at greater length, a gateway log in another unit. The share of
settled accounts that are suspect tells it, as a decayed count against Chernoff's bound (Hoeffding,
1963, theorem 1). River's ADWIN would do, but its window is native code that only a pickle stores.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

#: Usually one settled account in a hundred is suspect; clearly more than this have moved together.
_SHARE: Final = 0.05
#: Shorter than an account has to stay suspect before it is told.
_HALF_LIFE_S: Final = 1200.0
#: How unlikely such a count would be, were the share no greater: natural logarithm.
_SURPRISE: Final = 7.0


class Drift(msgspec.Struct, frozen=True):
    """Decayed account-hours of settled accounts: judged, and suspect."""

    time: float = -math.inf  # epoch seconds
    judged: float = 0.0
    suspect: float = 0.0

    def more(self, time: float, *, judged: float, suspect: float) -> Drift:
        """Return this after so many account-hours more."""
        time = max(time, self.time)
        kept = 2.0 ** (-(time - self.time) / _HALF_LIFE_S)
        return Drift(time, self.judged * kept + judged, self.suspect * kept + suspect)

    @property
    def moved(self) -> bool:
        """Say whether too many are suspect at once; never of a handful of accounts."""
        share = self.suspect / self.judged if self.judged else 0.0
        return share > _SHARE and self.judged * _divergence(share, _SHARE) > _SURPRISE


def _divergence(share: float, expected: float) -> float:
    """Return the Kullback-Leibler divergence of two Bernoulli distributions, in nats."""
    rest = (1 - share) * math.log((1 - share) / (1 - expected)) if share < 1 else 0.0
    return share * math.log(share / expected) + rest
