"""One gauge for several partition tasks: each adds its part."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import Gauge


class GaugeContribution:
    """The part of a common gauge that one partition task contributes; the parts add up."""

    def __init__(self, gauge: Gauge) -> None:
        """Contribute 0 to ``gauge`` (a child, when it has labels)."""
        self._gauge = gauge
        self._value = 0.0

    def set(self, value: float) -> None:
        """Move the gauge by the difference; 0 withdraws the part, as on revocation."""
        if value != self._value:
            self._gauge.inc(value - self._value)
            self._value = value
