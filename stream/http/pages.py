"""The worker's HTTP endpoints /metrics, /livez and /readyz: no account data, nothing to change.

The page is served here, too (see ``more``); it checks its own token.

These endpoints need no token, so a request must be cheap: a connection serves one request, the
oldest connection is closed when there are too many, and the metrics are encoded at most once a
second.
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

from stream.http.listening import listen, listen_on

if TYPE_CHECKING:
    import asyncio
    import socket

    from prometheus_client import CollectorRegistry

    from stream.http.health import Probes
    from stream.http.settings import HttpSettings

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
#: Answers a request below another path; None for a path that is not its own.
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
        health: Probes,
        more: More | None = None,
        listening: socket.socket | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; ``now`` is the clock of ``health``, too.

        With ``listening`` it serves there, not on the settings' port.
        """
        self._more = more
        self._listening = listening
        self._settings = settings
        self._registry = registry
        self._health = health
        self._now = now
        self._runner: web.ServerRunner | None = None
        self._written: dict[str, tuple[float, bytes]] = {}  # content type -> when, metrics
        self.port = settings.port

    async def start(self) -> None:
        """Listen, or raise SettingsError in one line when the port is not available."""
        _LOG.addFilter(_is_ours)
        # Do not wait for the body of a request.
        server = _Server(self._answer, access_log=None, logger=_LOG, lingering_time=0.0)
        runner = web.ServerRunner(server, shutdown_timeout=_STOP_TIMEOUT_S)
        if self._listening is not None:
            self.port = await listen_on(runner, self._listening)
        else:
            host, port = self._settings.host, self._settings.port
            self.port = await listen(runner, host, port, setting="http.port")
        self._runner = runner

    async def stop(self) -> None:
        """Stop listening; idempotent."""
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
        # Two formats, whatever version a client requests: the cache stays small.
        encode, content_type = choose_encoder(_OPENMETRICS if _OPENMETRICS in accept else "")
        now = self._now()
        at, body = self._written.get(content_type, (-math.inf, b""))
        if now - at >= MAX_AGE_S:
            body = encode(self._registry)
            self._written[content_type] = now, body
        # aiohttp wants the charset apart from the header, so the header is set whole.
        return web.Response(body=body, headers={"Content-Type": content_type})


class _Server(web.Server):
    """Aborts the oldest connections when there are too many.

    So a scrape or a probe always gets a connection, and a client that sends half a request, or does
    not read the answer, blocks none for long. A graceful close would wait for such clients.
    """

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        for old in self.connections[:-MAX_CONNECTIONS]:
            if old.transport is not None:
                old.transport.abort()


def _is_ours(record: logging.LogRecord) -> bool:
    """Return whether a log record is about our code, not about invalid HTTP of a client."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


def _state(good: bool, reason: str) -> web.Response:  # noqa: FBT001 - a pair, unpacked
    return web.Response(text=f"{reason}\n", status=200 if good else 503)
