"""The running processes of a worker as one: probes, metrics, who serves the page."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import ClientSession

    from stream.telemetry.snapshot import FamilySnapshot
    from stream.worker.supervisor.worker_process import WorkerProcess

#: However many probes and scrapes come, each process answers one in this time.
MAX_AGE_S: Final = 1.0


class ProcessGroup:
    """The processes by number, 1 to ``count``; one that has ended is not among them.

    A process that does not answer for ``silent_after_s`` is not alive.
    """

    def __init__(self, count: int, session: ClientSession, *, silent_after_s: float) -> None:
        """Start without processes."""
        self.running: dict[int, WorkerProcess] = {}
        self.stopping = False
        self._count = count
        self._session = session
        self._silent_after_s = silent_after_s
        self.probe = _Seldom(self._probe)
        self.scrape = _Seldom(self._scrape)

    def live(self, now: float) -> tuple[bool, str]:
        """Return whether every process makes progress; one that is started again does."""
        for number, process in sorted(self.running.items()):
            good, reason = process.live
            silent_s = now - process.answered
            if silent_s > self._silent_after_s:
                good, reason = False, f"no answer for {silent_s:.0f} s"
            if not good:
                return False, f"process {number}: {reason}"
        return True, "ok"

    def ready(self) -> tuple[bool, str]:
        """Return whether every process runs and is ready."""
        if self.stopping:
            return False, "stopping"
        for number in range(1, self._count + 1):
            process = self.running.get(number)
            good, reason = process.ready if process else (False, "not running")
            if not good:
                return False, f"process {number}: {reason}"
        return True, "ok"

    def snapshots(self) -> dict[int, list[FamilySnapshot]]:
        """Return the last metrics of each process by its number."""
        return {number: process.samples for number, process in self.running.items()}

    def oldest_first(self) -> list[WorkerProcess]:
        """Return those that have answered: what they have read of topics is most complete."""
        found = [process for process in self.running.values() if process.has_answered]
        return sorted(found, key=lambda process: process.started)

    async def _probe(self) -> None:
        await asyncio.gather(*(p.probe(self._session) for p in self.running.values()))

    async def _scrape(self) -> None:
        await asyncio.gather(*(p.scrape(self._session) for p in self.running.values()))


class _Seldom:
    """Does work at most once in MAX_AGE_S; other callers wait for it meanwhile."""

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._work = work
        self._done = -math.inf
        self._lock = asyncio.Lock()

    async def __call__(self) -> None:
        async with self._lock:
            if time.monotonic() - self._done >= MAX_AGE_S:
                await self._work()
                self._done = time.monotonic()
