"""Time that a test drives."""

from __future__ import annotations

import asyncio
import time

from stream.delivery.time_source import Clock


class DrivenTime:
    """Time that passes only when somebody sleeps; wall time starts at the real one."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.slept: list[float] = []
        self._start = time.time()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passed += seconds
        await asyncio.sleep(0)

    @property
    def clock(self) -> Clock:
        return Clock(
            # Signatures are verified against real time, so wall time does not pass.
            wall=lambda: self._start,
            monotonic=lambda: self.passed,
            sleep=self.sleep,
        )
