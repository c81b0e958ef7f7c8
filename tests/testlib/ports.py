"""Ports for servers that a test starts, apart from those that the kernel gives to connections.

A port that was found free may be taken before a server listens on it. So these lie below the range
of the kernel (32768 on Linux), are given once in a process, and each process of pytest-xdist has
some for itself.
"""

from __future__ import annotations

import os
import random
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIRST, _END = 10_000, 32_000
_PROCESSES = 16


def _own() -> Iterator[int]:
    """Yield the ports of this process, over and over, from any of them on."""
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ports = range(_FIRST + process % _PROCESSES, _END, _PROCESSES)
    at = random.SystemRandom().randrange(len(ports))
    while True:
        yield ports[at % len(ports)]
        at += 1


_PORTS = _own()


def free_port() -> int:
    """Return a loopback port that nothing listens on."""
    for port in _PORTS:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError


def free_ports(count: int) -> list[int]:
    """Return distinct free ports."""
    return [free_port() for _ in range(count)]
