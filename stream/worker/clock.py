"""Wall time that never runs backwards, even when the machine's clock is set back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class WallClock:
    """Epoch seconds that advance with the monotonic clock and follow the wall clock only forwards.

    Events from the future are rejected, so a worker whose clock was set back would reject every
    current request.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start from the current wall clock."""
        self._wall = wall
        self._monotonic = monotonic
        self._began = wall() - monotonic()

    def now(self) -> float:
        """Return epoch seconds."""
        return max(self._wall(), self._began + self._monotonic())
