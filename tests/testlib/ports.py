"""Ports for servers that a test starts, apart from those that the kernel gives to connections.

A port that was found free may be taken before a server listens on it. So these lie below the range
of the kernel (32768 on Linux), are given once in a process, and each process that runs tests on
this machine has some for itself: also two runs at the same time.
"""

from __future__ import annotations

import contextlib
import fcntl
import random
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedWriter

_FIRST, _END = 10_000, 32_000
_PROCESSES = 64
#: Open, and so locked, as long as this process lives.
_LOCKS: list[BufferedWriter] = []


def _own() -> Iterator[int]:
    """Yield the ports of this process, over and over, from any of them on."""
    ports = range(_FIRST + _share(), _END, _PROCESSES)
    at = random.SystemRandom().randrange(len(ports))
    while True:
        yield ports[at % len(ports)]
        at += 1


def _share() -> int:
    """Return the number of a share of the ports that no other process has."""
    for share in range(_PROCESSES):
        name = f"distillwatch-ports-{share}"
        with contextlib.ExitStack() as closing:
            try:
                lock = closing.enter_context((Path(tempfile.gettempdir()) / name).open("wb"))
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:  # another process has it, or another user
                continue
            closing.pop_all()  # it stays open
        _LOCKS.append(lock)
        return share
    raise AssertionError(f"{_PROCESSES} processes run tests")


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
