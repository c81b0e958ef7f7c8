"""One gauge for several partition tasks: each adds its part."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import Gauge


class GaugeContribution:
    """The part of a common gauge that one partition task contributes; the parts add up."""

    def __init__(self, gauge: Gauge) -> None:
        """Contribute 0 to ``gauge`` (a child, when it has labels)."""
        self._gauge = gauge
        self._value = 0.0
        self._withdrawn = False
        self._lock = threading.Lock()

    def set(self, value: float) -> None:
        """Move the gauge by the difference."""
        with self._lock:
            if value != self._value and not self._withdrawn:
                self._gauge.inc(value - self._value)
                self._value = value

    def withdraw(self) -> None:
        """Take the part out for good, as on revocation.

        A thread that loads the task's state meanwhile cannot be cancelled, and would set it again.
        """
        with self._lock:
            self._gauge.inc(-self._value)
            self._value, self._withdrawn = 0.0, True
