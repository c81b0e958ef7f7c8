"""Keeps libraries from filling the log: in an outage they say the same ninety times a second."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

#: Libraries that tell of every step of a start and of a rebalance.
CHATTY: Final = ("faust", "mode", "aiokafka", "kafka")
#: Our modules that subclass their services, which log as the module they are defined in.
_OURS: Final = ("stream.worker.app", "stream.worker.transport")
_EVERY_S: Final = 30.0


class Seldom(logging.Filter):
    """Lets a library's message through once in ``every_s``, whatever values it carries."""

    def __init__(
        self, *, every_s: float = _EVERY_S, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Start with every message new."""
        super().__init__()
        self._every_s = every_s
        self._now = now
        self._next: dict[tuple[str, int, str], float] = {}  # as many as there are log calls

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether the record is to be written."""
        if record.name.partition(".")[0] not in CHATTY:
            return True
        said, now = (record.pathname, record.lineno, record.levelname), self._now()
        if now < self._next.get(said, now):
            return False
        self._next[said] = now + self._every_s
        return True


def quieten() -> None:
    """Let libraries speak of trouble only, and of the same trouble seldom."""
    for name in (*CHATTY, *_OURS):
        logging.getLogger(name).setLevel(logging.WARNING)
    for handler in logging.getLogger().handlers:
        handler.addFilter(Seldom())


def hush() -> None:
    """Let libraries say nothing more: the worker has failed and said why."""
    for name in (*CHATTY, *_OURS, "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
