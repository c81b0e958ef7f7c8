"""The worker's own pages: /metrics, /livez and /readyz; no account data and nothing to change.

Other rooms may have pages here, too (see ``more``): each of them decides who may see what.

Whoever can reach the port may ask, so asking must not cost much: a connection serves one request,
the oldest makes room for a new one when there are too many, and the metrics are written out once
a second however often they are asked for.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from prometheus_client.exposition import choose_encoder

from stream.http.listening import listen

if TYPE_CHECKING:
    import asyncio

    from prometheus_client import CollectorRegistry

    from stream.delivery.settings import HttpSettings
    from stream.http.health import Health

_LOG = logging.getLogger("stream.http.pages")
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Server": "distillwatch",
    "X-Content-Type-Options": "nosniff",
}
_OPENMETRICS: Final = "application/openmetrics-text"
_STOP_TIMEOUT_S: Final = 2.0
#: Answers a request for a page of another room, None for one that is not its own.
More = Callable[[web.BaseRequest], Awaitable[web.Response | None]]
MAX_CONNECTIONS: Final = 64
MAX_AGE_S: Final = 1.0  # of metrics


class Pages:
    """An HTTP server of its own; ``port`` is the one that it really listens on."""

    def __init__(
        self,
        settings: HttpSettings,
        *,
        registry: CollectorRegistry,
        health: Health,
        more: More | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; ``now`` is the clock that ``health`` is told about, too."""
        self._more = more
        self._settings = settings
        self._registry = registry
        self._health = health
        self._now = now
        self._runner: web.ServerRunner | None = None
        self._written: dict[str, tuple[float, bytes]] = {}  # content type -> when, metrics
        self.port = settings.port

    async def start(self) -> None:
        """Listen, or raise SettingsError in one line when the port cannot be had."""
        _LOG.addFilter(_is_ours)
        # What follows the head of a request is nothing to wait for.
        server = _Server(self._answer, access_log=None, logger=_LOG, lingering_time=0.0)
        runner = web.ServerRunner(server, shutdown_timeout=_STOP_TIMEOUT_S)
        host, port = self._settings.host, self._settings.port
        self.port = await listen(runner, host, port, setting="http.port")
        self._runner = runner

    async def stop(self) -> None:
        """Stop listening; again is harmless."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        response = await self._more(request) if self._more else None
        response = response or self._page(request)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        response.force_close()
        return response

    def _page(self, request: web.BaseRequest) -> web.Response:
        if request.method not in {"GET", "HEAD"}:
            return web.Response(status=405, headers={"Allow": "GET, HEAD"})
        match request.path:
            case "/metrics":
                return self._metrics(request.headers.get("Accept", ""))
            case "/livez":
                return _state(*self._health.live(self._now()))
            case "/readyz":
                return _state(*self._health.ready())
        return web.Response(status=404)

    def _metrics(self, accept: str) -> web.Response:
        # Two formats, whatever versions a client makes up: each that is written is kept.
        encode, content_type = choose_encoder(_OPENMETRICS if _OPENMETRICS in accept else "")
        now = self._now()
        at, body = self._written.get(content_type, (-math.inf, b""))
        if now - at >= MAX_AGE_S:
            body = encode(self._registry)
            self._written[content_type] = now, body
        # aiohttp wants the charset apart from the header, so the header is set whole.
        return web.Response(body=body, headers={"Content-Type": content_type})


class _Server(web.Server):
    """Breaks the oldest connections off when there are too many.

    So there is always room for a scrape or a probe, and whoever sends half a request, or does not
    read the answer, holds nothing for long. They are not closed in peace: that waits for them.
    """

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        for old in self.connections[:-MAX_CONNECTIONS]:
            if old.transport is not None:
                old.transport.abort()


def _is_ours(record: logging.LogRecord) -> bool:
    """Tell a mistake of ours from what is no HTTP, which would fill the log."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


def _state(good: bool, reason: str) -> web.Response:  # noqa: FBT001 - a pair, unpacked
    return web.Response(text=f"{reason}\n", status=200 if good else 503)
