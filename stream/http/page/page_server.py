"""HTTP endpoints of the page: its files without a token, incidents only with one.

::

    GET  /page/                    the static files, without data of accounts
    GET  /page/api/overview        the list and the worker; 304 while nothing has changed
    GET  /page/api/incidents/ID    one incident
    POST /page/api/verdicts        a verdict on one; answered when the brokers have it
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
    from stream.http.page.incident_history import IncidentHistory
    from stream.http.page.worker_status import WorkerStatusSampler

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
BODY_WITHIN_S: Final = 5.0


class _VerdictForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A verdict as the page sends it."""

    alert_id: str
    verdict: VerdictLabel
    author: str
    note: str = ""


_form = msgspec.json.Decoder(_VerdictForm).decode


class Page:
    """Answers the requests below /page for the worker's HTTP server (stream.http.pages)."""

    def __init__(
        self,
        bearer: Bearer,
        history: IncidentHistory,
        sampler: WorkerStatusSampler,
        *,
        write: Callable[[Verdict], Awaitable[bool]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``write`` returns whether the brokers have a verdict; ``clock`` gives epoch seconds."""
        self._bearer = bearer
        self._history = history
        self._sampler = sampler
        self._write = write
        self._clock = clock
        self._files = _read_files()

    async def answer(self, request: web.BaseRequest) -> web.Response | None:
        """Answer, or return None for a request of another path."""
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
            return await self._post_verdict(request)
        if request.method != "GET":
            return web.Response(status=405, headers={"Allow": "GET"})
        if name == "overview":
            return versioned(request, overview(self._history, self._sampler.take()))
        record = self._history.find(name.removeprefix("incidents/"))
        if not name.startswith("incidents/") or record is None:
            return _json({"error": "unknown"}, 404)
        return versioned(request, detail(self._history, record))

    async def _post_verdict(self, request: web.BaseRequest) -> web.Response:
        if request.method != "POST":
            return web.Response(status=405, headers={"Allow": "POST"})
        if request.content_type != "application/json":
            return _json({"error": "expected application/json"}, 415)
        if request.content_length is None or request.content_length > MAX_BODY:
            return _json({"error": f"expected at most {MAX_BODY} bytes"}, 413)
        try:
            verdict = await self._read(request)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TimeoutError) as error:
            return _json({"error": str(error) or "the body did not arrive in time"}, 400)
        return await self._keep(verdict)

    async def _read(self, request: web.BaseRequest) -> Verdict:
        async with asyncio.timeout(BODY_WITHIN_S):
            form = _form(await request.read())
        known = {**msgspec.structs.asdict(form), "time": self._clock()}
        return msgspec.convert(known, Verdict)

    async def _keep(self, verdict: Verdict) -> web.Response:
        if self._history.find(verdict.alert_id) is None:
            return _json({"error": "unknown"}, 404)
        if not await self._write(verdict):
            return _json({"error": "the brokers did not accept it"}, 503, {"Retry-After": "5"})
        return _json(msgspec.to_builtins(verdict), 200)


def versioned(request: web.BaseRequest, view: object) -> web.Response:
    """Return ``view`` as JSON with a version (ETag); 304 when the page has that version."""
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
