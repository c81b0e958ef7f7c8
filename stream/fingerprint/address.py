"""Client addresses and their networks in one spelling; what is no address is absent."""

from __future__ import annotations

import socket
from socket import AF_INET, AF_INET6
from typing import Final

#: How an IPv4 address begins in IPv6 (RFC 4291, 2.5.5.2).
_MAPPED: Final = bytes(10) + b"\xff\xff"
_IPV4_BYTES: Final = 4


def address(text: str) -> bytes:
    """Return an IPv4 address, or the /64 of an IPv6 one: a subscriber's devices change the rest."""
    return _prefix(text, 32, 64)


def network(place: str | int) -> bytes:
    """Return the autonomous system given by number, or the /24 or /48 of an address."""
    return b"AS%d" % place if isinstance(place, int) else _prefix(place, 24, 48)


def _prefix(text: str, ipv4_bits: int, ipv6_bits: int) -> bytes:
    # Not by the module ipaddress: it takes three times as long, once for each new account.
    found = _parse(text)
    if not found:
        return b""
    family, bits = (AF_INET, ipv4_bits) if len(found) == _IPV4_BYTES else (AF_INET6, ipv6_bits)
    first = found[: bits // 8].ljust(len(found), b"\0")
    return f"{socket.inet_ntop(family, first)}/{bits}".encode()


def _parse(text: str) -> bytes:
    """Return the address of ``a``, ``a:port``, ``[a]:port``, ``a%zone`` or ``a, proxy, proxy``."""
    text = text[:256].partition(",")[0].strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    text = text.partition("%")[0]
    try:
        found = socket.inet_pton(AF_INET6 if ":" in text else AF_INET, text)
    except (OSError, ValueError):
        return b""
    return found.removeprefix(_MAPPED)
