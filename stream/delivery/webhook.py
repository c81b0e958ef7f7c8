"""Alerts by Standard Webhooks: signed, in an envelope that many tools can verify.

https://github.com/standard-webhooks/standard-webhooks, version 1.0.0. A receiver recognises
repetitions by ``webhook-id``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Unpack

from stream.delivery.message import page_link, write
from stream.delivery.posting import Edges, PostingSink
from stream.delivery.target import read_secrets

if TYPE_CHECKING:
    from stream.core.alerts import Alert
    from stream.delivery.message import Message
    from stream.delivery.settings import WebhookSettings


class WebhookSink(PostingSink):
    """Posts each state of an incident, signed with every secret."""

    name = "webhook"

    def __init__(self, settings: WebhookSettings, **edges: Unpack[Edges]) -> None:
        """Check address and secrets."""
        super().__init__(settings, **edges)
        self._signers = read_secrets(settings.secret)

    def _write(self, alert: Alert) -> Message:
        return write(alert, page_link(self._page, alert))

    def _headers(self, message: Message, now_s: float) -> dict[str, str]:
        now = datetime.fromtimestamp(int(now_s), tz=UTC)
        signatures = (signer.sign(message.id, now, message.body) for signer in self._signers)
        return {
            "webhook-id": message.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        }
