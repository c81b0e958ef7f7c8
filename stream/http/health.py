"""Whether a worker is alive and ready, from the facts that it records. Reads no clock."""

from __future__ import annotations

from typing import Protocol


class Probes(Protocol):
    """What the probes show: of one worker process (Health), or of all processes of a worker."""

    def live(self, now: float) -> tuple[bool, str]:
        """Return whether it makes progress, and if not, why; ``now`` is monotonic seconds."""
        ...

    def ready(self) -> tuple[bool, str]:
        """Return whether state is recovered and records are consumed, and if not, why."""
        ...


class Health:
    """Mutable facts of one worker; ``now`` is monotonic seconds from its caller's clock.

    Alive means progress: records that wait unprocessed are a stall, an empty topic is not.
    """

    def __init__(self, *, stalled_after_s: float) -> None:
        """Start as alive, not ready."""
        self._stalled_after_s = stalled_after_s
        self._stalled_since: float | None = None  # waiting began, or the last progress since
        self._failure = ""
        self.recovered = False
        self.consuming = False

    def progress(self, now: float) -> None:
        """Record that records were processed or restored just now."""
        if self._stalled_since is not None:
            self._stalled_since = now

    def waiting(self, now: float, records: int) -> None:
        """Record how many records wait to be processed."""
        if records <= 0:
            self._stalled_since = None
        elif self._stalled_since is None:
            self._stalled_since = now

    def fail(self, reason: str) -> None:
        """Record that the worker cannot continue; final."""
        self._failure = reason

    def live(self, now: float) -> tuple[bool, str]:
        """Return whether the worker makes progress, and if not, why."""
        if self._failure:
            return False, self._failure
        if self._stalled_since is not None:
            idle_s = now - self._stalled_since
            if idle_s > self._stalled_after_s:
                return False, f"records are waiting and none was processed for {idle_s:.0f} s"
        return True, "ok"

    def ready(self) -> tuple[bool, str]:
        """Return whether state is recovered and records are consumed, and if not, why."""
        if self._failure:
            return False, self._failure
        if not self.recovered:
            return False, "recovering state"
        if not self.consuming:
            return False, "not consuming"
        return True, "ok"
