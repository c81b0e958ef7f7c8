"""Wall time that does not run backwards; whatever sets the machine's clock back is not believed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class WallClock:
    """Epoch seconds that go on with the monotonic clock and follow the wall clock only forwards.

    Events from the future are refused, so a worker whose clock was set back would refuse every
    request of now.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Believe the wall clock as it is now."""
        self._wall = wall
        self._monotonic = monotonic
        self._began = wall() - monotonic()

    def now(self) -> float:
        """Return epoch seconds."""
        return max(self._wall(), self._began + self._monotonic())
