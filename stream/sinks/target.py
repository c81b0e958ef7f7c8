"""Checks a webhook's address and secrets before anything is sent; messages never quote them."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from typing import TYPE_CHECKING, Final

from standardwebhooks import Webhook
from yarl import URL

from stream.errors import SettingsError

if TYPE_CHECKING:
    from stream.sinks.settings import WebhookSettings
    from stream.types.secret import Secret

_PREFIX: Final = "whsec_"
#: Standard Webhooks: a secret has between 24 and 64 bytes.
_SHORTEST, _LONGEST = 24, 64


def read_target(settings: WebhookSettings) -> URL:
    """Return the address, or raise SettingsError: https, or http where that is safe or wanted."""
    try:
        url = URL(settings.url)
        host = url.host
    except ValueError:
        raise SettingsError("webhook.url: not an address") from None
    if url.scheme not in {"https", "http"} or not host:
        raise SettingsError("webhook.url: expected https://host/path")
    if url.user is not None or url.password is not None:
        raise SettingsError("webhook.url: must not contain a user or password")
    if url.fragment:
        raise SettingsError("webhook.url: must not contain a fragment (#…)")
    if url.scheme == "http" and not (settings.allow_insecure or _is_loopback(host)):
        raise SettingsError(
            "webhook.url: http is for this machine only; use https, or set webhook.allow_insecure"
        )
    return url


def read_secrets(secret: Secret) -> tuple[Webhook, ...]:
    """Return a signer per secret, or raise SettingsError without showing any of them."""
    texts = secret.reveal().split()
    if not texts:
        raise SettingsError("webhook.secret: missing, a webhook is always signed")
    return tuple(_signer(number, text) for number, text in enumerate(texts, start=1))


def _signer(number: int, text: str) -> Webhook:
    expected = f"webhook.secret: secret {number} is not {_PREFIX} and base64 of 24 to 64 bytes"
    if not text.startswith(_PREFIX):
        raise SettingsError(expected)
    encoded = text.removeprefix(_PREFIX)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise SettingsError(expected) from None
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise SettingsError(expected)
    return Webhook(key)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
