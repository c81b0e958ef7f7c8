"""Stops a worker that would drain its topic into the dead-letter topic (arroyo's DlqLimit)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from stream.core.errors import InvalidShareError

if TYPE_CHECKING:
    from stream.intake.codec.settings import IntakeSettings


class InvalidShare:
    """Measures the share of invalid records over the last span of them."""

    def __init__(self, settings: IntakeSettings) -> None:
        """Take span and share from the settings."""
        self._settings = settings
        self._batches: deque[tuple[int, int]] = deque()  # (records, of them invalid)
        self._total = 0
        self._invalid = 0

    @property
    def share(self) -> float:
        """Share of invalid records, 0 to 1, over at least a span (or all that there were)."""
        return self._invalid / self._total if self._total else 0.0

    def observe(self, valid: int, invalid: int) -> None:
        """Count a batch; raise InvalidShareError when too much of the last span was invalid."""
        if not valid + invalid:
            return
        self._batches.append((valid + invalid, invalid))
        self._total += valid + invalid
        self._invalid += invalid
        span = self._settings.invalid_span
        while self._total - self._batches[0][0] >= span:
            records, bad = self._batches.popleft()
            self._total -= records
            self._invalid -= bad
        if self._total >= span and self.share > self._settings.invalid_share:
            raise InvalidShareError(
                f"{self.share:.0%} of the last {self._total} records cannot be decoded (at most "
                f"{self._settings.invalid_share:.0%} may be): check intake.format and the topic; "
                "the dead-letter topic has the records with their reasons"
            )

    def reset(self) -> None:
        """Start counting again, as after a change of partitions."""
        self._batches.clear()
        self._total = self._invalid = 0
