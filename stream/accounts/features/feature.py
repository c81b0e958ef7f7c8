"""What a feature is: a named number with its unit, its meaning and the scale it lives on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from stream.accounts.features.snapshot import AccountSnapshot
    from stream.core.batch import Floats

    Compute: TypeAlias = Callable[[AccountSnapshot], Floats]

#: The direction of a feature when an account extracts a model: up, down, or neither alone.
Direction = Literal[1, -1, 0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One column of the matrix; values are in ``unit``, NaN means not known.

    ``low`` and ``high`` are fixed limits in the same unit: the scale never moves with the data,
    so that one absurd value cannot blind a model. With ``log`` the scale is log10(x) between the
    limits, for quantities that differ by factors.
    """

    name: str
    unit: str
    meaning: str  # a sentence part: the meaning of a high (for direction -1, low) value
    direction: Direction
    low: float
    high: float
    log: bool
    compute: Compute

    def scaled(self, values: Floats) -> Floats:
        """Return values clipped to the limits and mapped to 0..1; NaN stays NaN."""
        low, high = self.low, self.high
        clipped = np.clip(values, low, high)
        if self.log:
            clipped, low, high = np.log10(clipped), np.log10(low), np.log10(high)
        return np.asarray((clipped - low) / (high - low))

    def unscaled(self, positions: Floats) -> Floats:
        """Return the values at positions 0..1 of the scale: the inverse of :meth:`scaled`."""
        low, high = self.low, self.high
        if self.log:
            return np.asarray(low * (high / low) ** positions)
        return np.asarray(low + (high - low) * positions)
