"""Requests to a gateway's admin API: JSON, bounded, without redirects."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import msgspec

from stream.core.errors import SettingsError
from stream.core.secret import Secret
from stream.delivery.receiver_answer import answered, failed
from stream.delivery.target import open_socket, read_target, tls_context
from stream.enforcement.admin.admin_gateway import AdminError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from stream.delivery.time_source import Clock
    from stream.enforcement.admin.settings import AdminSettings

#: A page of 100 of LiteLLM's keys with all their settings is a fraction of this.
MAX_ANSWER: Final = 8_388_608  # bytes
_CHUNK: Final = 65_536
_TOKEN_REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_LATER: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)


class AdminClient:
    """Sends requests with the token in ``token_header``; connects with the first one."""

    def __init__(
        self, settings: AdminSettings, token_header: str, *, scheme: str = "", clock: Clock
    ) -> None:
        """Raises SettingsError for an address or a token that must not be used."""
        self._url = read_target("admin", Secret(settings.url), insecure=settings.allow_insecure)
        self._tls = tls_context("admin", settings.ssl_cafile)
        token = settings.token.reveal()
        if not (token.isascii() and token.isprintable()):
            raise SettingsError("admin.token: expected printable characters on one line")
        self._headers = {"User-Agent": "distillwatch", "Accept-Encoding": "identity"}
        if token:
            self._headers[token_header] = f"{scheme} {token}".strip()
        self._settings = settings
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def call(
        self,
        method: str,
        *path: str,
        query: Mapping[str, str] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        expected: Collection[int] = (),
    ) -> tuple[int, Any]:
        """Return status and decoded body (None: no JSON) of 200 to 299, or of ``expected``.

        Parts of the path must be our own words or checked; the query is quoted. Raises AdminError.
        """
        try:
            status, content, given = await self._sent(
                method, path, query or {}, body, {**self._headers, **(headers or {})}
            )
        except AdminError:
            raise
        except Exception as error:  # noqa: BLE001 - nothing of a request may stop the others
            raise AdminError(
                "unavailable", failed(error, timeout_s=self._settings.timeout_s).text
            ) from None
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES or status in expected:
            return status, _decoded(content)
        answer = answered(
            status,
            given,
            now_s=self._clock.wall(),
            longest_s=self._settings.longest_retry_s,
        )
        if status in _TOKEN_REFUSED:
            raise AdminError("unavailable", f"{answer.text}: admin.token is refused")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _LATER:
            raise AdminError("unavailable", answer.text, delay_s=answer.delay_s)
        read_only = status == HTTPStatus.METHOD_NOT_ALLOWED
        why = ": it is read only, as Kong's is without a database" if read_only else ""
        raise AdminError("rejected", f"{answer.text} to {method}{why}")

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _sent(
        self,
        method: str,
        path: tuple[str, ...],
        query: Mapping[str, str],
        body: object,
        headers: Mapping[str, str],
    ) -> tuple[int, bytes, Any]:
        data = None if body is None else msgspec.json.encode(body)
        if data is not None:
            headers = {**headers, "Content-Type": "application/json"}
        url = self._url.joinpath(*path).with_query(query)
        async with self._connect().request(
            method, url, data=data, headers=headers, allow_redirects=False
        ) as response:
            return response.status, await _bounded(response.content), response.headers

    def _connect(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._settings.timeout_s),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                connector=aiohttp.TCPConnector(
                    ssl=self._tls, socket_factory=open_socket, limit=self._settings.concurrency + 1
                ),
            )
        return self._session


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    """Return a body, or raise AdminError when it is too long."""
    found = bytearray()
    while chunk := await content.read(_CHUNK):
        found += chunk
        if len(found) > MAX_ANSWER:
            raise AdminError("rejected", f"an answer of more than {MAX_ANSWER:,} bytes")
    return bytes(found)


def _decoded(content: bytes) -> Any:  # noqa: ANN401 - any JSON
    try:
        return msgspec.json.decode(content) if content else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
