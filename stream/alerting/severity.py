"""How grave an incident is, as a pure function of four figures; it never asks what was before.

=========  ========================================================================
severity   when (defaults; each number is a setting of ``alerting``)
=========  ========================================================================
critical   100 members or more; or a score of 0.97 or more with 1,000,000 output
           tokens so far or 500,000 in the last hour
warning    otherwise, 20 members or more; or a score of 0.9 or more; or 1,000,000
           output tokens so far or 500,000 in the last hour
info       otherwise
=========  ========================================================================

More of any figure never makes it less grave. An incident keeps the gravest that it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from stream.alerting.settings import AlertingSettings
    from stream.core.findings import Observed, Severity

#: From harmless to grave.
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "critical")


def severity(
    settings: AlertingSettings, *, score: float, members: int, observed: Observed
) -> Severity:
    """Return how grave an incident of so many accounts is (1 for one of kind account)."""
    much = (
        observed.output_tokens >= settings.critical_output_tokens
        or observed.output_tokens_last_hour >= settings.critical_output_tokens_per_hour
    )
    if members >= settings.critical_members or (much and score >= settings.critical_score):
        return "critical"
    if members >= settings.warning_members or much or score >= settings.warning_score:
        return "warning"
    return "info"


def graver(one: Severity, other: Severity) -> Severity:
    """Return the graver of two."""
    return max(one, other, key=SEVERITIES.index)


def steps_left(now: Severity) -> int:
    """Return how many times an incident can still become graver."""
    return len(SEVERITIES) - 1 - SEVERITIES.index(now)
