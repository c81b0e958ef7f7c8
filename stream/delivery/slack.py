"""Alerts as messages of a Slack incoming webhook, one for each state of an incident.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks. What an attacker may have
chosen (a summary quotes account names) is plain text, so it cannot mention a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stream.core.alerts import degrees_of
from stream.delivery.message import message, page_link, shortened
from stream.delivery.posting import PostingSink

if TYPE_CHECKING:
    from stream.core.alerts import Alert
    from stream.delivery.message import Message

#: Longest texts of a section and of one of its fields.
_TEXT, _FIELD = 3000, 2000
_SOME_ACCOUNTS: Final = 10
_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class SlackSink(PostingSink):
    """Posts into the channel of the address."""

    name = "slack"

    def _write(self, alert: Alert) -> Message:
        return message(alert, chat(alert, page_link(self._page, alert)))


def chat(alert: Alert, link: str = "") -> dict[str, Any]:
    """Return the message of one state of one incident; ``link`` opens it on the page."""
    state = alert.severity if alert.status == "firing" else alert.status
    title = f"Model extraction by {alert.kind}: {state}"
    fields = [
        ("Score", f"{alert.score:.4g}"),
        ("Since", alert.started_at),
        ("Requests", f"{alert.observed.requests:,}"),
        ("Output tokens", f"{alert.observed.output_tokens:,}"),
        ("Accounts", _accounts(alert)),
        ("Techniques", ", ".join(alert.techniques) or "none"),
    ]
    return {
        # Shown in notifications, where it is markup.
        "text": shortened(f"{title}. {alert.summary}", _TEXT // 2).translate(_ESCAPES),
        "blocks": [
            {"type": "header", "text": _plain(title)},
            {"type": "section", "text": _plain(shortened(alert.summary, _TEXT))},
            {
                "type": "section",
                "fields": [_plain(shortened(f"{name}: {value}", _FIELD)) for name, value in fields],
            },
            {
                "type": "context",
                "elements": [
                    _plain(alert.runbook_url),
                    _plain(alert.alert_id),
                    *([_link(link, "Incident and decisions")] if link else []),
                ],
            },
        ],
    }


def _accounts(alert: Alert) -> str:
    accounts = [alert.account_id] if alert.account_id else alert.account_ids or []
    rest = len(accounts) - _SOME_ACCOUNTS
    some = ", ".join(accounts[:_SOME_ACCOUNTS]) + (f" and {rest} more" if rest > 0 else "")
    return f"{degrees_of(alert)}: {some}" if alert.members else some


def _link(address: str, text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": f"<{address.translate(_ESCAPES)}|{text}>"}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
