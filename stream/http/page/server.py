"""Answers requests for the page: its files for everybody, incidents only with a token.

::

    GET  /page/                    the files beside this module, which know nothing of accounts
    GET  /page/api/overview        the list and the worker; 304 while nothing has changed
    GET  /page/api/incidents/ID    one incident
    POST /page/api/verdicts        what somebody says of one; answered when the brokers have it
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import msgspec
from aiohttp import web

from stream.core.feedback import Verdict, VerdictLabel
from stream.http.page.views import detail, overview

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from stream.http.bearer import Bearer
    from stream.http.page.chronicle import Chronicle
    from stream.http.page.pulse import Pulses

ROOT: Final = "/page"
_API: Final = f"{ROOT}/api/"
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
MAX_BODY: Final = 8192
_BODY_WITHIN_S: Final = 5.0


class _Said(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A verdict as the page sends it."""

    alert_id: str
    verdict: VerdictLabel
    author: str
    note: str = ""


_said = msgspec.json.Decoder(_Said).decode


class Page:
    """``answer`` is what the server of a worker's pages asks (see stream.http.pages)."""

    def __init__(
        self,
        bearer: Bearer,
        chronicle: Chronicle,
        pulses: Pulses,
        *,
        write: Callable[[Verdict], Awaitable[bool]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``write`` says whether the brokers have a verdict; ``clock`` gives epoch seconds."""
        self._bearer = bearer
        self._chronicle = chronicle
        self._pulses = pulses
        self._write = write
        self._clock = clock
        self._files = _read_files()

    async def answer(self, request: web.BaseRequest) -> web.Response | None:
        """Answer, or return None when it is no request for the page."""
        path = request.path
        if path != ROOT and not path.startswith(f"{ROOT}/"):
            return None
        response = await self._api(request) if path.startswith(_API) else self._file(request)
        response.headers.update(_HEADERS)
        return response

    def _file(self, request: web.BaseRequest) -> web.Response:
        if request.method not in {"GET", "HEAD"}:
            return web.Response(status=405, headers={"Allow": "GET, HEAD"})
        if request.path == ROOT:
            return web.Response(status=308, headers={"Location": f"{ROOT}/"})
        found = self._files.get(request.path.removeprefix(f"{ROOT}/"))
        if found is None:
            return web.Response(status=404)
        content_type, body = found
        return web.Response(body=body, content_type=content_type, charset="utf-8")

    async def _api(self, request: web.BaseRequest) -> web.Response:
        if not self._bearer.allows(request.headers.get("Authorization", "")):
            return _json({"error": "unauthorized"}, 401, {"WWW-Authenticate": "Bearer"})
        name = request.path.removeprefix(_API)
        if name == "verdicts":
            return await self._take_verdict(request)
        if request.method != "GET":
            return web.Response(status=405, headers={"Allow": "GET"})
        if name == "overview":
            return _versioned(request, overview(self._chronicle, self._pulses.take()))
        story = self._chronicle.find(name.removeprefix("incidents/"))
        if not name.startswith("incidents/") or story is None:
            return _json({"error": "unknown"}, 404)
        return _versioned(request, detail(self._chronicle, story))

    async def _take_verdict(self, request: web.BaseRequest) -> web.Response:
        if request.method != "POST":
            return web.Response(status=405, headers={"Allow": "POST"})
        if request.content_type != "application/json":
            return _json({"error": "expected application/json"}, 415)
        if request.content_length is None or request.content_length > MAX_BODY:
            return _json({"error": f"expected at most {MAX_BODY} bytes"}, 413)
        try:
            verdict = await self._read(request)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TimeoutError) as error:
            return _json({"error": str(error) or "the body did not come"}, 400)
        return await self._keep(verdict)

    async def _read(self, request: web.BaseRequest) -> Verdict:
        async with asyncio.timeout(_BODY_WITHIN_S):
            said = _said(await request.read())
        known = {**msgspec.structs.asdict(said), "time": self._clock()}
        return msgspec.convert(known, Verdict)

    async def _keep(self, verdict: Verdict) -> web.Response:
        if self._chronicle.find(verdict.alert_id) is None:
            return _json({"error": "unknown"}, 404)
        if not await self._write(verdict):
            return _json({"error": "the brokers did not take it"}, 503, {"Retry-After": "5"})
        return _json(msgspec.to_builtins(verdict), 200)


def _versioned(request: web.BaseRequest, view: msgspec.Struct) -> web.Response:
    body = msgspec.json.encode(view)
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    if request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers={"ETag": etag})
    return web.Response(body=body, content_type="application/json", headers={"ETag": etag})


def _json(value: object, status: int, headers: dict[str, str] | None = None) -> web.Response:
    body = msgspec.json.encode(value)
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def _read_files() -> dict[str, tuple[str, bytes]]:
    """Return content type and bytes of each file, by the end of its path."""
    found = {}
    for file in (files("stream.http.page") / "static").iterdir():
        content_type = _TYPES.get("." + file.name.rpartition(".")[2])
        if content_type is not None:
            found[file.name] = content_type, file.read_bytes()
    return {**found, "": found["index.html"]}
