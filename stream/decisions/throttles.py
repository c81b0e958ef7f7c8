"""Holds throttled callers to their requests a minute: a token bucket each, bounded in number."""

from __future__ import annotations

import math
from typing import Final

_MINUTE_S: Final = 60.0


class Throttles:
    """Buckets by caller, each of one minute's requests; mutable, no clock of its own.

    Beyond ``most`` callers the one that sent longest ago is forgotten: it begins with a full
    bucket again, so a flood of callers lifts a limit for a minute and never adds one.
    """

    def __init__(self, *, most: int) -> None:
        """Start without any."""
        self._most = most
        self._buckets: dict[str, tuple[float, float]] = {}  # caller -> requests left, when

    def wait_s(self, caller: str, requests_per_minute: int, time: float) -> float:
        """Return 0 and take a request, or how long the caller has to wait; ``time`` in seconds."""
        left, before = self._buckets.pop(caller, (float(requests_per_minute), time))
        rate = requests_per_minute / _MINUTE_S
        left = min(left + max(time - before, 0.0) * rate, float(requests_per_minute))
        wait = 0.0 if left >= 1 else (1 - left) / rate
        self._buckets[caller] = (left if wait else left - 1, max(time, before))
        if len(self._buckets) > self._most:
            del self._buckets[next(iter(self._buckets))]
        return wait


def retry_after(wait_s: float) -> str:
    """Return a wait as the header Retry-After has it: whole seconds, at least one (RFC 9110)."""
    return str(max(math.ceil(wait_s), 1))
