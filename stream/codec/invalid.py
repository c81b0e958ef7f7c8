"""Stops a worker that would drain its topic into dead letters (arroyo's DlqLimit idea)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.errors import InvalidShareError

if TYPE_CHECKING:
    from stream.codec.settings import IntakeSettings


class InvalidShare:
    """Watches the share of invalid records, span after span."""

    def __init__(self, settings: IntakeSettings) -> None:
        """Take span and share from the settings."""
        self._settings = settings
        self._valid = 0
        self._invalid = 0

    def observe(self, valid: int, invalid: int) -> None:
        """Count; at the end of a span raise InvalidShareError when too many were invalid."""
        self._valid += valid
        self._invalid += invalid
        total = self._valid + self._invalid
        if total < self._settings.invalid_span:
            return
        share = self._invalid / total
        self._valid = self._invalid = 0
        if share > self._settings.invalid_share:
            raise InvalidShareError(
                f"{share:.0%} of the last {total} records are not events (at most "
                f"{self._settings.invalid_share:.0%} may be): check intake.format and the topic; "
                "the dead-letter topic has the records with their reasons"
            )
