"""Keeps the processes of a worker running, and stops all of them; it holds no connection to Kafka.

A process that ends is started again, later each time. One that ends again and again ends the
worker: an orchestrator, or a person, has to look at it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stream.core.errors import ProcessError, UsageError
from stream.worker.shutdown_watchdog import STOP_WITHIN_S
from stream.worker.supervisor.worker_process import start

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stream.telemetry.totals import Totals
    from stream.worker.supervisor.metrics import SupervisorMetrics
    from stream.worker.supervisor.process_group import ProcessGroup

log = logging.getLogger(__name__)

#: How often one process is started again within RESTART_WINDOW_S. Assumed: a bug or a lack of
#: memory that comes back at once is found within a minute, a daily kill never ends the worker.
MOST_RESTARTS: Final = 5
RESTART_WINDOW_S: Final = 600.0
#: The exit code of settings and topics that cannot be used: another start would not help.
_UNUSABLE: Final = UsageError.exit_code


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """How often and how late a process that ended is started again."""

    most: int = MOST_RESTARTS
    window_s: float = RESTART_WINDOW_S
    first_pause_s: float = 1.0
    longest_pause_s: float = 30.0
    stop_within_s: float = STOP_WITHIN_S

    def pause_s(self, restarts: int) -> float:
        """Return the pause before the ``restarts``-th restart in the window."""
        return float(min(self.first_pause_s * 2.0 ** (restarts - 1), self.longest_pause_s))


RESTARTS: Final = RestartPolicy()


class Supervisor:
    """Runs ``count`` processes until it is stopped or one cannot be kept running."""

    def __init__(
        self,
        count: int,
        command: Callable[[int, int], Sequence[str]],
        group: ProcessGroup,
        totals: Totals,
        metrics: SupervisorMetrics,
        policy: RestartPolicy = RESTARTS,
    ) -> None:
        """``command`` gets the number of a process and the socket that it has to listen on."""
        self._count = count
        self._command = command
        self._group = group
        self._totals = totals
        self._metrics = metrics
        self._policy = policy
        self._stopping = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set, then stop all processes; raises ProcessError."""
        stopped = asyncio.create_task(stop.wait())
        keepers = [asyncio.create_task(self._keep(n)) for n in range(1, self._count + 1)]
        try:
            await asyncio.wait([stopped, *keepers], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            errors = await self._stop_all(keepers)
        for error in errors[1:]:
            log.error("%s", error)
        if errors:
            raise errors[0]

    async def _keep(self, number: int) -> None:
        """Run process ``number``, again and again, until all are stopped."""
        ends: deque[float] = deque()
        while not self._stopping.is_set():
            code = await self._run_once(number)
            if self._stopping.is_set():
                if code not in {0, -signal.SIGTERM}:  # that signal ends one that has not begun
                    raise ProcessError(f"process {number} {_how(code)} while it was stopped")
            elif code == _UNUSABLE:
                raise ProcessError(
                    f"process {number} cannot use its settings or topics, see its last line",
                    exit_code=code,
                )
            else:
                await self._pause(number, code, ends)

    async def _run_once(self, number: int) -> int:
        """Start process ``number`` and return its exit code, negative for a signal."""
        try:
            process = await start(number, self._command)
        except OSError as error:
            raise ProcessError(f"process {number} cannot be started: {error}") from error
        self._group.running[number] = process
        if self._stopping.is_set():
            process.send(signal.SIGTERM)
        code = await process.ended()
        del self._group.running[number]
        self._totals.keep(number, process.samples)
        return code

    async def _pause(self, number: int, code: int, ends: deque[float]) -> None:
        """Wait before the next start; raises ProcessError when there were too many."""
        policy, now = self._policy, time.monotonic()
        while ends and now - ends[0] > policy.window_s:
            ends.popleft()
        if len(ends) >= policy.most:
            raise ProcessError(
                f"process {number} {_how(code)} and was started again {policy.most} times within "
                f"{policy.window_s:g} s before: its last lines have the reason"
            )
        ends.append(now)
        self._metrics.process_restarts_total.labels("killed" if code < 0 else "failed").inc()
        pause_s = policy.pause_s(len(ends))
        log.warning("process %d %s and is started again in %g s", number, _how(code), pause_s)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), pause_s)

    async def _stop_all(self, keepers: list[asyncio.Task[None]]) -> list[BaseException]:
        """Stop every process; return what went wrong, the first reason first."""
        before = [keeper for keeper in keepers if keeper.done()]
        log.info("stopping")
        self._group.stopping = True
        self._stopping.set()
        self._send(signal.SIGTERM)
        _, late = await asyncio.wait(keepers, timeout=self._policy.stop_within_s)
        if late:
            log.error("%d processes did not stop in time and are killed", len(late))
            self._send(signal.SIGKILL)
            await asyncio.wait(late)
        after = [keeper for keeper in keepers if keeper not in before]
        found = (keeper.exception() for keeper in (*before, *after))
        return [error for error in found if error is not None]

    def _send(self, number: signal.Signals) -> None:
        for process in self._group.running.values():
            process.send(number)


def _how(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
