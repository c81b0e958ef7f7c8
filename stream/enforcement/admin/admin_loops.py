"""Runs the steps of a reconciler beside an enforcer, until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final

from stream.delivery.topic_reader import wait
from stream.enforcement.admin.admin_gateway import AdminError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from stream.enforcement.admin.reconciler import Reconciler
    from stream.enforcement.admin.settings import AdminSettings

_LOG = logging.getLogger("stream.enforcement.admin")
_EVERY_S: Final = 0.2  # how soon a decision is noticed
_STOP_WITHIN_S: Final = 2.0
#: Enforcers that start together do not compare together.
_SPREAD: Final = (0.9, 1.1)


class AdminLoops:
    """``start`` and ``stop`` it beside the enforcer."""

    def __init__(self, settings: AdminSettings, reconciler: Reconciler, random: Random) -> None:
        """Connect with the first decision."""
        self._settings = settings
        self._reconciler = reconciler
        self._random = random
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start in the background."""
        loops = [self._follow(), self._comparisons()]
        loops += [self._work() for _ in range(self._settings.concurrency)]
        self._tasks = [asyncio.create_task(one, name="admin-api") for one in loops]

    async def stop(self) -> None:
        """Let what has begun finish, within two seconds; idempotent."""
        self._stopping.set()
        tasks, self._tasks = self._tasks, []
        if tasks:
            await asyncio.wait(tasks, timeout=_STOP_WITHIN_S)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await self._reconciler.close()

    async def _follow(self) -> None:
        while not self._stopping.is_set():
            with _surviving():
                await self._reconciler.look()
            await wait(self._stopping, _EVERY_S)

    async def _comparisons(self) -> None:
        while not self._stopping.is_set():
            pause_s = _EVERY_S
            with _surviving():
                if self._reconciler.has_looked and not self._reconciler.pace.paused_s:
                    pause_s = self._settings.check_s * self._random.uniform(*_SPREAD)
                    try:
                        await self._reconciler.compare()
                    except AdminError as error:
                        self._reconciler.pace.failed(error)
                        pause_s = max(self._reconciler.pace.paused_s, _EVERY_S)
            await wait(self._stopping, pause_s)

    async def _work(self) -> None:
        while not self._stopping.is_set():
            pause_s = 0.0
            with _surviving():
                pause_s = self._reconciler.pace.paused_s
                if not pause_s and await self._reconciler.work():
                    continue
            await wait(self._stopping, min(pause_s or _EVERY_S, _EVERY_S))


@contextlib.contextmanager
def _surviving() -> Iterator[None]:
    """Log a bug, so that it does not end the loop."""
    try:
        yield
    except Exception:  # noqa: BLE001 - see above
        _LOG.exception("admin: a step failed")
