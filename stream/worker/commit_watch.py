"""Ends a worker whose commit does not end although the brokers answer.

A client that waits for an answer that never comes fails nowhere: records are processed, nothing is
committed, and only the lag shows it. After a restart the worker continues at the last commit.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from stream.core.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from stream.worker.runtime import Runtime

_INTERVAL_S: Final = 10.0
#: Assumed: far longer than a checkpoint of a million accounts and a stage's longest step.
_LONGEST_S: Final = 300.0


class CommitWatch:
    """Watches one runtime; an outage of the brokers is waited for, however long it lasts."""

    def __init__(
        self,
        runtime: Runtime,
        answers: Callable[[], Awaitable[object]],
        *,
        longest_s: float = _LONGEST_S,
    ) -> None:
        """Take what raises BrokerError while no broker answers, and how long a commit may last."""
        self._runtime = runtime
        self._answers = answers
        self._longest_s = longest_s
        self._watched: float | None = None
        self._answering_since: float | None = None

    async def run(self) -> None:
        """Watch for ever; raises BrokerError when a commit hangs."""
        while True:
            await asyncio.sleep(_INTERVAL_S)
            await self.check(time.monotonic())

    async def check(self, now: float) -> None:
        """Look once; ``now`` is monotonic seconds."""
        began = self._runtime.commit_began
        if began is None or began != self._watched:
            self._watched, self._answering_since = began, None
        if began is None or now - began < self._longest_s:
            return
        try:
            await self._answers()
        except BrokerError:
            self._answering_since = None
            return
        if self._answering_since is None:
            self._answering_since = now
        if now - self._answering_since >= self._longest_s:
            raise BrokerError(
                f"a commit has not ended for {now - began:.0f} s although the brokers answer; "
                "start the worker again, it continues at the last commit"
            )
