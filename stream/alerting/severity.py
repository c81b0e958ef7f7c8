"""Severity of an incident: a pure function of four figures, without memory.

=========  ========================================================================
severity   when (defaults; each number is a setting of ``alerting``)
=========  ========================================================================
critical   100 members or more; or a score of 0.97 or more with 1,000,000 output
           tokens so far or 500,000 in the last hour
warning    otherwise, 20 members or more; or a score of 0.9 or more; or 1,000,000
           output tokens so far or 500,000 in the last hour
info       otherwise
=========  ========================================================================

A larger figure never lowers the severity. An incident keeps the highest severity it ever had.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from stream.alerting.settings import AlertingSettings
    from stream.core.findings import Observed, Severity

#: From lowest to highest.
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "critical")


def severity(
    settings: AlertingSettings, *, score: float, members: int, observed: Observed
) -> Severity:
    """Return the severity of an incident of ``members`` accounts (1 for kind account)."""
    much = (
        observed.output_tokens >= settings.critical_output_tokens
        or observed.output_tokens_last_hour >= settings.critical_output_tokens_per_hour
    )
    if members >= settings.critical_members or (much and score >= settings.critical_score):
        return "critical"
    if members >= settings.warning_members or much or score >= settings.warning_score:
        return "warning"
    return "info"


def higher(one: Severity, other: Severity) -> Severity:
    """Return the higher of two."""
    return max(one, other, key=SEVERITIES.index)


def steps_left(now: Severity) -> int:
    """Return how many times the severity can still rise."""
    return len(SEVERITIES) - 1 - SEVERITIES.index(now)
