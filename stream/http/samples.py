"""Answers ``/samples``: the metrics of one process of a worker, for its supervisor alone.

It is served on the process's own socket on loopback, never on ``http.port``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web

from stream.telemetry.snapshot import encode, take

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from stream.http.pages import More

PATH: Final = "/samples"


def with_samples(registry: CollectorRegistry, more: More | None) -> More:
    """Return a handler that answers ``PATH`` and passes the other requests to ``more``."""

    async def answer(request: web.BaseRequest) -> web.Response | None:
        if request.path == PATH and request.method == "GET":
            return web.Response(body=encode(take(registry)))
        return await more(request) if more else None

    return answer
