"""Alerts as events of PagerDuty's Events API v2: one incident there for one incident here.

https://developer.pagerduty.com/docs/events-api-v2-overview: the same ``dedup_key`` updates what it
has triggered, and resolves it in the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Unpack

from stream.core.alerts import degrees_of
from stream.core.errors import SettingsError
from stream.delivery.message import message, page_link, shortened
from stream.delivery.posting import Edges, PostingSink

if TYPE_CHECKING:
    from stream.core.alerts import Alert
    from stream.delivery.message import Message
    from stream.delivery.settings import PagerDutySettings

_LONGEST_SUMMARY: Final = 1024
#: An event may have 512 KB; an account is at most 0.5 kB.
_MOST_ACCOUNTS: Final = 500


class PagerDutySink(PostingSink):
    """Triggers, updates and resolves by the alert's id."""

    name = "pagerduty"

    def __init__(self, settings: PagerDutySettings, **edges: Unpack[Edges]) -> None:
        """Check address and key."""
        super().__init__(settings, **edges)
        self._key = settings.routing_key.reveal()
        if not self._key.isascii() or not self._key.isalnum():
            raise SettingsError("pagerduty.routing_key: expected the key of an Events API v2")

    def _write(self, alert: Alert) -> Message:
        return message(alert, event(alert, self._key, page_link(self._page, alert)))


def event(alert: Alert, routing_key: str, link: str = "") -> dict[str, Any]:
    """Return the event of one state of one incident; ``link`` opens it on the page."""
    firing = alert.status == "firing"
    found = {
        "routing_key": routing_key,
        "event_action": "trigger" if firing else "resolve",
        "dedup_key": alert.alert_id,
    }
    if not firing:
        return found
    accounts = [alert.account_id] if alert.account_id else alert.account_ids or []
    return found | {
        "client": "distillwatch",
        **({"client_url": link} if link else {}),
        "links": [{"href": alert.runbook_url, "text": "Runbook"}],
        "payload": {
            "summary": shortened(alert.summary, _LONGEST_SUMMARY),
            "source": alert.account_id or alert.campaign_id or alert.alert_id,
            "severity": alert.severity,
            "timestamp": alert.updated_at,
            "class": f"model extraction by {alert.kind}",
            "custom_details": {
                "score": alert.score,
                "started_at": alert.started_at,
                "accounts": accounts[:_MOST_ACCOUNTS],
                "accounts_total": len(accounts),
                "degrees": degrees_of(alert)._asdict() if alert.members else {},
                "observed": alert.observed,
                "evidence": alert.evidence,
                "techniques": alert.techniques,
            },
        },
    }
