"""Alerts as log lines, for places that collect logs anyway; it keeps nothing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from stream.sinks.sink import Outcome
    from stream.types.alerts import Alert
    from stream.types.verdicts import Severity

_LOG = logging.getLogger("stream.sinks.log")
_LEVEL: Final[dict[Severity, int]] = {
    "info": logging.INFO,
    "warning": logging.WARNING,
    "critical": logging.CRITICAL,
}


class LogSink:
    """One line per alert, with no account ids beyond what the summary says."""

    name = "log"

    async def deliver(self, alert: Alert) -> Outcome:
        """Write the line."""
        level = _LEVEL[alert.severity] if alert.status == "firing" else logging.INFO
        _LOG.log(
            level,
            "alert %s %s kind=%s severity=%s: %s",
            alert.alert_id,
            alert.status,
            alert.kind,
            alert.severity,
            # A summary may quote what an attacker chose: keep it to one line.
            " ".join(alert.summary.split()),
        )
        return "delivered"

    async def close(self) -> None:
        """Nothing to let go of."""
