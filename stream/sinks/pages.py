"""The worker's own pages: /metrics, /livez and /readyz; no account data and nothing to change."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from stream.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

    from stream.sinks.health import Health
    from stream.sinks.settings import HttpSettings

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Server": "distillwatch",
    "X-Content-Type-Options": "nosniff",
}
_STOP_TIMEOUT_S: Final = 2.0


class Pages:
    """An HTTP server of its own; ``port`` is the one that it really listens on."""

    def __init__(
        self,
        settings: HttpSettings,
        *,
        registry: CollectorRegistry,
        health: Health,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; ``now`` is the clock that ``health`` is told about, too."""
        self._settings = settings
        self._registry = registry
        self._health = health
        self._now = now
        self._runner: web.AppRunner | None = None
        self.port = settings.port

    async def start(self) -> None:
        """Listen, or raise SettingsError in one line when the port cannot be had."""
        app = web.Application()
        app.on_response_prepare.append(_secure)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_STOP_TIMEOUT_S)
        await runner.setup()
        host, port = self._settings.host, self._settings.port
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            await runner.cleanup()
            raise SettingsError(
                f"http.port: cannot listen on {host}:{port}: {error.strerror or error}"
            ) from error
        self._runner = runner
        self.port = int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening; again is harmless."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _metrics(self, request: web.Request) -> web.Response:
        # aiohttp wants the charset apart from the header, so the header is set whole.
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        response = web.Response(body=encode(self._registry), headers={"Content-Type": content_type})
        response.enable_compression()
        return response

    async def _livez(self, _: web.Request) -> web.Response:
        return _state(*self._health.live(self._now()))

    async def _readyz(self, _: web.Request) -> web.Response:
        return _state(*self._health.ready())


async def _secure(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)


def _state(good: bool, reason: str) -> web.Response:  # noqa: FBT001 - a pair, unpacked
    return web.Response(text=f"{reason}\n", status=200 if good else 503)
