"""Checks a receiver's address, authorities and secrets; messages never quote address or secrets.

The operator sets the address, so private addresses and loopback are allowed. Link-local ones never
are: no receiver lives there, but the metadata service of a cloud machine does (169.254.169.254).
They are refused as written and again as resolved, at every connection.
"""

from __future__ import annotations

import base64
import binascii
import errno
import ipaddress
import socket
import ssl
from typing import TYPE_CHECKING, Any, Final

from standardwebhooks import Webhook
from yarl import URL

from stream.core.errors import SettingsError

if TYPE_CHECKING:
    from stream.core.secret import Secret

_PREFIX: Final = "whsec_"
#: Standard Webhooks: a secret has between 24 and 64 bytes.
_SHORTEST, _LONGEST = 24, 64


def read_target(name: str, address: Secret, *, insecure: bool) -> URL:
    """Return the address that is set as ``<name>.url``, or raise SettingsError.

    It is https, or http where that is safe or wanted (``insecure``).
    """
    try:
        url = URL(address.reveal())
        host = url.host
    except ValueError:
        raise SettingsError(f"{name}.url: not an address") from None
    if url.scheme not in {"https", "http"} or not host:
        raise SettingsError(f"{name}.url: expected https://host/path")
    if url.user is not None or url.password is not None:
        raise SettingsError(f"{name}.url: must not contain a user or password")
    if url.fragment:
        raise SettingsError(f"{name}.url: must not contain a fragment (#…)")
    if url.scheme == "http" and not (insecure or _is_loopback(host)):
        raise SettingsError(
            f"{name}.url: http is for this machine only; use https, or set {name}.allow_insecure"
        )
    if _is_link_local(host):
        raise SettingsError(f"{name}.url: link-local addresses are refused")
    return url


def tls_context(name: str, ssl_cafile: str) -> ssl.SSLContext:
    """Return a context that verifies certificate and name; verification cannot be disabled."""
    try:
        return ssl.create_default_context(cafile=ssl_cafile or None)
    except OSError as error:  # an SSLError is one
        raise SettingsError(f"{name}.ssl_cafile: {ssl_cafile} cannot be used: {error}") from error


def open_socket(address: tuple[Any, ...]) -> socket.socket:
    """Return a socket for an address as ``getaddrinfo`` gives it, or raise OSError."""
    family, kind, protocol, _, (host, *_) = address
    if _is_link_local(host):
        raise OSError(errno.EACCES, "link-local addresses are refused")
    return socket.socket(family, kind, protocol)


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
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _is_link_local(host: str) -> bool:
    address = _address(host)
    # Mapped (::ffff:169.254.169.254) it goes to the same place.
    mapped = getattr(address, "ipv4_mapped", None) or address
    return mapped is not None and mapped.is_link_local


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
