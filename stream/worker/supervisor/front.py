"""What the supervisor answers: probes and metrics of all processes, the page through one of them.

Every process reads alerts, verdicts and decisions of the whole deployment, and what a person does
is complete once one of them has written it to Kafka. So any process can answer for the page; when
one fails, the next one does. A change of a decision that both get counts once: it names the state
that it follows.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout, web

from stream.http.page.form import BODY_WITHIN_S, MAX_BODY, versioned
from stream.http.page.page_server import ROOT

if TYPE_CHECKING:
    from stream.http.page.worker_status import WorkerStatusSampler
    from stream.worker.supervisor.process_group import ProcessGroup
    from stream.worker.supervisor.worker_process import WorkerProcess

_OVERVIEW: Final = f"{ROOT}/api/overview"
#: Longer than a process waits for brokers to take a verdict or a change of a decision.
_WITHIN_S: Final = 15.0
_TO_PROCESS: Final = ("Accept", "Authorization", "Content-Type", "If-None-Match")
#: These are of the connection between supervisor and process.
_NOT_BACK: Final = frozenset({"connection", "content-length", "date", "transfer-encoding"})


class _Answer(NamedTuple):
    status: int
    body: bytes
    headers: dict[str, str]


class Front:
    """Answers for the worker's HTTP server (see ``more`` of stream.http.pages)."""

    def __init__(
        self,
        group: ProcessGroup,
        session: ClientSession,
        sampler: WorkerStatusSampler,
        *,
        page: bool,
    ) -> None:
        """``page``: there is a page; ``sampler`` has the state of all processes."""
        self._group = group
        self._session = session
        self._sampler = sampler
        self._page = page

    async def answer(self, request: web.BaseRequest) -> web.Response | None:
        """Refresh probes or metrics for their request, and answer for the page."""
        path = request.path
        if path == "/metrics":
            await self._group.scrape()
        elif path in {"/livez", "/readyz"}:
            await self._group.probe()
        elif self._page and (path == ROOT or path.startswith(f"{ROOT}/")):
            return await self._of_page(request)
        return None

    async def _of_page(self, request: web.BaseRequest) -> web.Response:
        try:
            body = await _body(request)
        except TimeoutError:
            return web.json_response({"error": "the body did not arrive in time"}, status=400)
        if body is None:
            return web.json_response({"error": f"expected at most {MAX_BODY} bytes"}, status=413)
        for process in self._group.oldest_first():
            try:
                found = await self._pass_on(request, body, process)
            except (ClientError, TimeoutError, OSError):
                continue
            if request.path == _OVERVIEW and found.status == 200:  # noqa: PLR2004 - HTTP's
                return await self._overview(request, found)
            return web.Response(body=found.body, status=found.status, headers=found.headers)
        return web.json_response(
            {"error": "no process answers"}, status=503, headers={"Retry-After": "5"}
        )

    async def _pass_on(
        self, request: web.BaseRequest, body: bytes, process: WorkerProcess
    ) -> _Answer:
        headers = {name: request.headers[name] for name in _TO_PROCESS if name in request.headers}
        if request.path == _OVERVIEW:
            headers.pop("If-None-Match", None)  # its version is made here, of the whole answer
        async with self._session.request(
            request.method,
            process.url(request.path),
            data=body,
            headers=headers,
            allow_redirects=False,
            timeout=ClientTimeout(total=_WITHIN_S),
        ) as found:
            kept = {k: v for k, v in found.headers.items() if k.lower() not in _NOT_BACK}
            return _Answer(found.status, await found.read(), kept)

    async def _overview(self, request: web.BaseRequest, found: _Answer) -> web.Response:
        """Put the state of all processes where one has put its own."""
        await asyncio.gather(self._group.probe(), self._group.scrape())
        view: dict[str, Any] = msgspec.json.decode(found.body, type=dict[str, msgspec.Raw])
        answer = versioned(request, view | {"worker": self._sampler.take()})
        for name, value in found.headers.items():
            answer.headers.setdefault(name, value)
        return answer


async def _body(request: web.BaseRequest) -> bytes | None:
    """Return the body of a request; None when it is too large, or its length is not given."""
    if request.method != "POST":
        return b""
    if request.content_length is None or request.content_length > MAX_BODY:
        return None
    async with asyncio.timeout(BODY_WITHIN_S):
        return await request.read()
