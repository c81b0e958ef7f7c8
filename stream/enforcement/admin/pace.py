"""How fast a gateway's admin API is used, and when it is left alone."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from stream.delivery.backoff import full_jitter

if TYPE_CHECKING:
    from random import Random

    from stream.delivery.time_source import Clock
    from stream.enforcement.admin.admin_gateway import AdminError
    from stream.enforcement.admin.settings import AdminSettings

_LOG = logging.getLogger("stream.enforcement.admin")
_FIRST_PAUSE_S: Final = 1.0
_MINUTE_S: Final = 60.0


class AdminPace:
    """Spreads accounts over the minute; after failures all of them wait, longer each time."""

    def __init__(self, settings: AdminSettings, *, clock: Clock, random: Random) -> None:
        """Start without a pause."""
        self._each_s = _MINUTE_S / settings.accounts_a_minute
        self._longest_s = settings.longest_retry_s
        self._clock, self._random = clock, random
        self._next = self._paused_until = 0.0
        self._failures = 0  # in a row, of any accounts

    @property
    def paused_s(self) -> float:
        """Return how long no account may be looked at, 0: now."""
        return max(max(self._next, self._paused_until) - self._clock.monotonic(), 0.0)

    def count(self) -> None:
        """Note that an account is looked at; turns that were not taken are not made up for."""
        self._next = max(self._next, self._clock.monotonic()) + self._each_s

    def failed(self, error: AdminError) -> None:
        """Note that the gateway did not answer as it should; the log has the first one."""
        if not self._failures:
            _LOG.warning("admin: the gateway's admin API fails: %s; tried again", error)
        self._failures += 1
        pause = full_jitter(
            self._failures,
            first_s=_FIRST_PAUSE_S,
            longest_s=self._longest_s,
            random=self._random,
        )
        until = self._clock.monotonic() + max(pause, error.delay_s)
        self._paused_until = max(self._paused_until, until)

    def succeeded(self) -> None:
        """Note an answer: pauses end."""
        if self._failures:
            _LOG.info("admin: the gateway's admin API answers again")
        self._failures, self._paused_until = 0, 0.0
