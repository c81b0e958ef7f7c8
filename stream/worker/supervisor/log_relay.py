"""Passes the log of a process on, each line with a prefix that names the process."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio

_READ_BYTES: Final = 65_536
#: A longer line is broken.
MAX_LINE_BYTES: Final = 1_048_576


async def relay(log: asyncio.StreamReader, prefix: bytes) -> None:
    """Copy ``log`` to standard error, line by line, until it ends."""
    rest = b""
    while chunk := await log.read(_READ_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            lines, rest = [*lines, rest], b""
        _write(prefix, lines)
    if rest:
        _write(prefix, [rest])


def _write(prefix: bytes, lines: list[bytes]) -> None:
    # A log that nothing reads any more must not end the worker.
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.buffer.write(b"".join(prefix + line + b"\n" for line in lines))
        sys.stderr.buffer.flush()
