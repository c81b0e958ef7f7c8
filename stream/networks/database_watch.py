"""Looks for changed database files in the background, while events are processed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from stream.networks.databases import Databases

_LOG = logging.getLogger("stream.networks")
#: Assumed: databases change daily at most, so a minute is soon.
_EVERY_S: Final = 60.0


class DatabaseWatch:
    """A service of the worker: ``start`` begins the watch, ``stop`` ends it."""

    def __init__(self, databases: Databases, *, every_s: float = _EVERY_S) -> None:
        """Look every ``every_s`` seconds."""
        self._databases = databases
        self._every_s = every_s
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End; idempotent."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            try:
                # Reading may take a second: not on the loop.
                await asyncio.to_thread(self._databases.refresh, time.time())
            except Exception:  # noqa: BLE001 - the worker works without
                _LOG.exception("databases of networks were not looked at")
