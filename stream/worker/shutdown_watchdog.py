"""Ends a process that does not end after its work is over.

While brokers are unreachable or refuse the worker, their client leaves tasks that ignore
cancellation and a thread that does not end. State that is not in a checkpoint by then is processed
again after the restart.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable


#: How long a worker may take to finish the current batch, write its checkpoint and leave the group,
#: and for everything after that.
STOP_TIMEOUT_S: Final = 30.0
EXIT_TIMEOUT_S: Final = 30.0
CLOSE_TIMEOUT_S: Final = 5.0
#: After this long a stopped worker has ended, one way or the other.
STOP_WITHIN_S: Final = STOP_TIMEOUT_S + EXIT_TIMEOUT_S + CLOSE_TIMEOUT_S


class ShutdownWatchdog:
    """A timer that ends the process: only a command may have one; ``end`` takes the exit code."""

    def __init__(self, end: Callable[[int], None] | None = os._exit) -> None:
        """Start without a deadline; with ``end`` None there never is one."""
        self._end = end
        self._timer: threading.Timer | None = None

    def set(self, seconds: float, *, line: str = "", code: int = 1) -> None:
        """End with ``code`` in ``seconds`` from now, after writing ``line``; replaces the last."""
        if self._end is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(seconds, self._expire, (self._end, line, code))
        self._timer.daemon = True
        self._timer.start()

    @staticmethod
    def _expire(end: Callable[[int], None], line: str, code: int) -> None:
        # Nothing reads the log of a process whose supervisor was killed.
        with contextlib.suppress(OSError):
            if line:
                sys.stderr.write(f"distillwatch: {line}\n")
                sys.stderr.flush()
        end(code)


#: For a process that continues after its worker.
NEVER: Final = ShutdownWatchdog(end=None)
