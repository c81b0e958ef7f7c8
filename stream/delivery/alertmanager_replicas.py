"""Posts alerts to every replica of an Alertmanager (API v2). Keeps no alert and retries nothing."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import msgspec

from stream.core.errors import SettingsError
from stream.core.secret import Secret
from stream.delivery.metrics import ATTEMPT_RESULTS
from stream.delivery.target import open_socket, read_target, tls_context
from stream.telemetry.declaration import OVERFLOW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yarl import URL

    from stream.delivery.metrics import DeliveryMetrics
    from stream.delivery.settings import AlertmanagerSettings

_LOG = logging.getLogger("stream.delivery.alertmanager")
NAME: Final = "alertmanager"
_API: Final = "api/v2/alerts"
#: Alerts of one request: some 100 kB (assumed), far below any limit of a proxy.
_BATCH: Final = 256
_ACCEPTED: Final = "2xx"
#: After these the next batch is worth a try: a bad alert spoils only its own batch.
_ANSWERED: Final = frozenset({_ACCEPTED, "4xx"})


class Replicas:
    """The replicas of one Alertmanager; raises SettingsError for bad addresses."""

    def __init__(self, settings: AlertmanagerSettings, *, metrics: DeliveryMetrics) -> None:
        """Check the addresses; connect with the first post."""
        self._settings = settings
        self._urls = read_urls(settings)
        self._tls = tls_context(NAME, settings.ssl_cafile)
        self._metrics = metrics
        self._session: aiohttp.ClientSession | None = None
        self._results: dict[URL, str] = {}

    async def post(self, alerts: Sequence[dict[str, Any]]) -> bool:
        """Post all alerts to every replica; return whether one has them."""
        batches = [alerts[i : i + _BATCH] for i in range(0, len(alerts), _BATCH)]
        return any(await asyncio.gather(*(self._post_to(url, batches) for url in self._urls)))

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _post_to(self, url: URL, batches: Sequence[Sequence[dict[str, Any]]]) -> bool:
        """Post to one replica; log when it stops or resumes accepting alerts."""
        results = []
        for batch in batches:
            results.append(await self._try(url, batch))
            family = results[-1] if results[-1] in ATTEMPT_RESULTS else OVERFLOW
            self._metrics.sink_attempts_total.labels(sink=NAME, result=family).inc()
            if results[-1] not in _ANSWERED:
                break  # it is down, and each try would take its time
        if not results:
            return True
        worst = next((result for result in results if result != _ACCEPTED), _ACCEPTED)
        if worst != self._results.get(url, _ACCEPTED):
            level = logging.INFO if worst == _ACCEPTED else logging.WARNING
            _LOG.log(level, "%s: %s answers %s", NAME, url.origin(), worst)
        self._results[url] = worst
        return worst == _ACCEPTED

    async def _try(self, url: URL, alerts: Sequence[dict[str, Any]]) -> str:
        headers = {"Content-Type": "application/json", "User-Agent": "distillwatch"}
        if self._settings.authorization:
            headers["Authorization"] = self._settings.authorization.reveal()
        try:
            async with self._connect().post(
                url, data=msgspec.json.encode(alerts), headers=headers, allow_redirects=False
            ) as response:
                return f"{response.status // 100}xx"
        except TimeoutError:
            return "timeout"
        except aiohttp.ClientSSLError:
            return "untrusted"
        except (aiohttp.ClientError, OSError):
            return "unreachable"

    def _connect(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._settings.timeout_s),
                cookie_jar=aiohttp.DummyCookieJar(),
                connector=aiohttp.TCPConnector(ssl=self._tls, socket_factory=open_socket),
            )
        return self._session


def read_urls(settings: AlertmanagerSettings) -> tuple[URL, ...]:
    """Return the address of alerts at each replica, or raise SettingsError."""
    urls = settings.urls.reveal().split()
    if not urls:
        raise SettingsError("alertmanager.urls: missing")
    return tuple(
        read_target(NAME, Secret(url), insecure=settings.allow_insecure) / _API for url in urls
    )
