"""Ends a process that cannot end by itself.

Where brokers are gone or refuse us, their client leaves tasks that take no cancellation and a
thread that nothing ends. What is not flushed by then is processed again by a successor.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable


class Deadline:
    """One at a time for the whole process, so only a command may have one; ``end`` takes a code."""

    def __init__(self, end: Callable[[int], None] | None = os._exit) -> None:
        """Set none yet; with ``end`` None there never is one."""
        self._end = end
        self._timer: threading.Timer | None = None

    def set(self, seconds: float, *, line: str = "", code: int = 1) -> None:
        """End with ``code`` so many seconds from now, saying ``line`` before."""
        if self._end is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(seconds, self._expire, (self._end, line, code))
        self._timer.daemon = True
        self._timer.start()

    @staticmethod
    def _expire(end: Callable[[int], None], line: str, code: int) -> None:
        if line:
            sys.stderr.write(f"distillwatch: {line}\n")
            sys.stderr.flush()
        end(code)


#: For whoever goes on after a worker.
NEVER: Final = Deadline(end=None)
