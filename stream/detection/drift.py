"""Whether the population has moved: when many change at once, one account's change says little.

A new model may answer everybody at greater length, a gateway log in another unit. The share of
settled accounts that are suspect tells it, as a decayed count with the bound by which ADWIN cuts
its window (Hoeffding; Bifet and Gavalda, SDM 2007): river's own keeps its window in native code,
which cannot be stored without a pickle.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

#: More suspects among settled accounts than this are a change of all; usually it is one in hundred.
_SHARE: Final = 0.05
_HALF_LIFE_S: Final = 2 * 3600.0
_CONFIDENCE: Final = 0.999


class Drift(msgspec.Struct, frozen=True):
    """Decayed account-hours of settled accounts: judged, and suspect."""

    time: float = -math.inf  # epoch seconds
    judged: float = 0.0
    suspect: float = 0.0

    def more(self, time: float, *, judged: float, suspect: float) -> Drift:
        """Return this after so many account-hours more."""
        kept = 2.0 ** (-max(time - self.time, 0) / _HALF_LIFE_S)
        return Drift(time, self.judged * kept + judged, self.suspect * kept + suspect)

    @property
    def moved(self) -> bool:
        """Say whether too many are suspect at once; never of a handful of accounts."""
        if not self.judged:
            return False
        chance = math.sqrt(-math.log(1 - _CONFIDENCE) / (2 * self.judged))
        return self.suspect / self.judged - chance > _SHARE
