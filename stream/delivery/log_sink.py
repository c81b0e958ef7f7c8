"""Alerts as log lines, for sites that collect logs. Keeps no state."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from stream.core.alerts import Alert
    from stream.core.findings import Severity
    from stream.delivery.sink import Delivery, Outcome

_LOG = logging.getLogger("stream.delivery.log_sink")
_LEVEL: Final[dict[Severity, int]] = {
    "info": logging.INFO,
    "warning": logging.WARNING,
    "critical": logging.CRITICAL,
}


class LogSink:
    """One line per alert, with no account ids but those of the summary."""

    name = "log"

    def prepare(self, alert: Alert) -> Delivery:
        """Return the writing of the line."""
        level = _LEVEL[alert.severity] if alert.status == "firing" else logging.INFO
        line = (
            f"alert {alert.alert_id} {alert.status} kind={alert.kind} severity={alert.severity}: "
            # A summary may quote what an attacker chose: keep it to one line.
            f"{' '.join(alert.summary.split())}"
        )
        return partial(self._write, level, line)

    async def _write(self, level: int, line: str) -> Outcome:
        _LOG.log(level, "%s", line)
        return "delivered"

    async def close(self) -> None:
        """Do nothing: there is no connection."""
