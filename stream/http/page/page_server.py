"""HTTP endpoints of the page: its files without a token, incidents only with one.

::

    GET  /page/                    the static files, without data of accounts
    GET  /page/api/overview        the list and the worker; 304 while nothing has changed
    GET  /page/api/incidents/ID    one incident
    POST /page/api/verdicts        a verdict on one; answered when the brokers have it
    ...  /page/api/decisions...    see stream.http.page.decision_endpoints
"""

from __future__ import annotations

import time
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import msgspec
from aiohttp import web

from stream.core.feedback import Verdict, VerdictLabel
from stream.http.page.decision_views import counts
from stream.http.page.form import json_answer, read_form, unavailable, versioned
from stream.http.page.views import IncidentOverview, detail, overview

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from stream.http.bearer import Bearer
    from stream.http.page.decision_endpoints import DecisionEndpoints
    from stream.http.page.incident_history import IncidentHistory
    from stream.http.page.worker_status import WorkerStatusSampler

ROOT: Final = "/page"
_API: Final = f"{ROOT}/api/"
_DECISIONS: Final = "decisions"
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
        decisions: DecisionEndpoints | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``write`` returns whether the brokers have a verdict; ``clock`` gives epoch seconds.

        Without ``decisions`` there are none: they have no key.
        """
        self._bearer = bearer
        self._history = history
        self._sampler = sampler
        self._write = write
        self._decisions = decisions
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
            return json_answer({"error": "unauthorized"}, 401, {"WWW-Authenticate": "Bearer"})
        name = request.path.removeprefix(_API)
        if name == "verdicts":
            return await self._post_verdict(request)
        if name == _DECISIONS or name.startswith(f"{_DECISIONS}/"):
            return await self._of_decisions(request, name.removeprefix(_DECISIONS)[1:])
        return self._of_incidents(request, name)

    def _of_incidents(self, request: web.BaseRequest, name: str) -> web.Response:
        if request.method != "GET":
            return web.Response(status=405, headers={"Allow": "GET"})
        if name == "overview":
            return versioned(request, self._overview())
        record = self._history.find(name.removeprefix("incidents/"))
        if not name.startswith("incidents/") or record is None:
            return json_answer({"error": "unknown"}, 404)
        return versioned(request, detail(self._history, record))

    def _overview(self) -> IncidentOverview:
        decisions = None if self._decisions is None else counts(self._decisions.board)
        return overview(self._history, self._sampler.take(), decisions)

    async def _of_decisions(self, request: web.BaseRequest, name: str) -> web.Response:
        if self._decisions is None:
            return json_answer({"error": "there are no decisions: decisions.key is not set"}, 404)
        return await self._decisions.answer(request, name)

    async def _post_verdict(self, request: web.BaseRequest) -> web.Response:
        verdict = await read_form(request, self._verdict)
        if isinstance(verdict, web.Response):
            return verdict
        if self._history.find(verdict.alert_id) is None:
            return json_answer({"error": "unknown"}, 404)
        if not await self._write(verdict):
            return unavailable("the brokers did not accept it")
        return json_answer(msgspec.to_builtins(verdict), 200)

    def _verdict(self, body: bytes) -> Verdict:
        known = {**msgspec.structs.asdict(_form(body)), "time": self._clock()}
        return msgspec.convert(known, Verdict)


def _read_files() -> dict[str, tuple[str, bytes]]:
    """Return content type and bytes of each file, by the end of its path."""
    found = {}
    for file in (files("stream.http.page") / "static").iterdir():
        content_type = _TYPES.get("." + file.name.rpartition(".")[2])
        if content_type is not None:
            found[file.name] = content_type, file.read_bytes()
    return {**found, "": found["index.html"]}
