"""Starts to listen; an error names the setting in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from stream.core.errors import SettingsError

if TYPE_CHECKING:
    import socket

    from aiohttp.web_runner import BaseRunner


async def listen(runner: BaseRunner, host: str, port: int, *, setting: str) -> int:
    """Serve with ``runner``; return the port that it really listens on.

    Raises SettingsError with the name of the ``setting`` when ``port`` is not available.
    """
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise SettingsError(
            f"{setting}: cannot listen on {host}:{port}: {error.strerror or error}"
        ) from error
    return int(runner.addresses[0][1])


async def listen_on(runner: BaseRunner, listening: socket.socket) -> int:
    """Serve with ``runner`` on a socket that listens already; return its port."""
    await runner.setup()
    await web.SockSite(runner, listening).start()
    return int(listening.getsockname()[1])
