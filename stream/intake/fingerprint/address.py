"""Client addresses in one spelling; other text is absent."""

from __future__ import annotations

import ipaddress
import re
from ipaddress import IPv4Address, IPv6Address
from typing import Final

_BYTE: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
#: The usual case, which the module takes ten times as long for: every new account pays for it.
_IPV4: Final = re.compile(rf"({_BYTE}\.{_BYTE}\.{_BYTE})\.{_BYTE}")


def address(text: str) -> bytes:
    """Return an IPv4 address, or the /64 of an IPv6 one: a subscriber's devices change the rest."""
    if _IPV4.fullmatch(text):
        return f"{text}/32".encode()
    found = _parse(text)
    if found is None:
        return b""
    prefix = 32 if isinstance(found, IPv4Address) else 64
    return str(ipaddress.ip_network((found, prefix), strict=False)).encode()


def canonical(text: str) -> tuple[str, int] | None:
    """Return an address in its canonical spelling, and its version 4 or 6; None for other text."""
    if _IPV4.fullmatch(text):
        return text, 4
    found = _parse(text)
    return None if found is None else (str(found), found.version)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address of ``a``, ``a:port``, ``[a]:port``, ``a%zone`` or ``a, proxy, proxy``."""
    text = text[:256].partition(",")[0].strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
