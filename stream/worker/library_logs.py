"""Limits what libraries log: in an outage they repeat one message ninety times a second."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

#: Libraries that log every step of a start and of a rebalance.
CHATTY: Final = ("faust", "mode", "aiokafka", "kafka")
#: Our modules that subclass their services, which log under the name of the defining module.
_OURS: Final = ("stream.worker.app", "stream.worker.transport")
_EVERY_S: Final = 30.0  # assumed: often enough to follow an outage


class RateLimitedLogFilter(logging.Filter):
    """Passes each log call of a library once in ``every_s``, whatever values it carries."""

    def __init__(
        self, *, every_s: float = _EVERY_S, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Start with no message seen."""
        super().__init__()
        self._every_s = every_s
        self._now = now
        self._next: dict[tuple[str, int, str], float] = {}  # one entry for each log call

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is to be written."""
        if record.name.partition(".")[0] not in CHATTY and record.name not in _OURS:
            return True
        call, now = (record.pathname, record.lineno, record.levelname), self._now()
        if now < self._next.get(call, now):
            return False
        self._next[call] = now + self._every_s
        return True


def quiet_library_logs() -> None:
    """Log only warnings and errors of libraries, and repeat each at a limited rate."""
    for name in (*CHATTY, *_OURS):
        logging.getLogger(name).setLevel(logging.WARNING)
    for handler in logging.getLogger().handlers:
        handler.addFilter(RateLimitedLogFilter())


def silence_library_logs() -> None:
    """Log nothing of libraries any more: the worker has failed and logged the reason."""
    for name in (*CHATTY, *_OURS, "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
