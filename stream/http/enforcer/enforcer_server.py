"""The enforcer's HTTP server: every answer comes from memory.

::

    ANY  /authorize…                     external authorization (authorization.py)
    POST /beta/litellm_basic_guardrail_api   LiteLLM (guardrail.py)
    GET  /v1/decisions, /v1/decisions/stream   CrowdSec's clients (crowdsec.py)
    POST /v1/usage-metrics               their counts of requests (usage.py)
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Final

import msgspec
from aiohttp import web

from stream.decisions.in_force import NOTHING
from stream.http.bearer import Bearer
from stream.http.enforcer import authorization, crowdsec, guardrail, usage
from stream.http.enforcer.carrying_out import PASSED
from stream.http.enforcer.metrics import ANSWERS, ENDPOINTS
from stream.http.enforcer.own_effects import count_answer
from stream.http.listening import listen

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.decisions.tallies import Tallies
    from stream.enforcement.decision_feed import DecisionFeed
    from stream.http.enforcer.carrying_out import CarryingOut
    from stream.http.enforcer.metrics import EnforcerMetrics
    from stream.http.enforcer.settings import EnforcerSettings

#: Gateways pass the caller's address and token on, and what is too long here is refused there.
_MAX_LINE: Final = 65_536  # bytes
MAX_BODY: Final = 33_554_432  # bytes; prompts come with their images
_BODY_WITHIN_S: Final = 5.0
_STOP_TIMEOUT_S: Final = 2.0


class EnforcerServer:
    """``port`` is the one that it really listens on."""

    def __init__(
        self,
        settings: EnforcerSettings,
        *,
        feed: DecisionFeed,
        carrying_out: CarryingOut,
        tallies: Tallies,
        metrics: EnforcerMetrics,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Raises SettingsError without tokens."""
        self._settings = settings
        self._bearer = Bearer(settings.tokens, setting="enforcer.tokens")
        self._feed = feed
        self._carrying_out = carrying_out
        self._tallies = tallies
        self._usage = usage.UsageReader(tallies, started=clock())
        self._names = authorization.header_names(settings)
        # Looked up once: with their labels each time they took a tenth of an answer.
        self._answers = {
            (endpoint, answer): metrics.enforcer_answers_total.labels(
                endpoint=endpoint, answer=answer
            )
            for endpoint in ENDPOINTS
            for answer in ANSWERS
        }
        self._seconds = {
            endpoint: metrics.enforcer_answer_seconds.labels(endpoint=endpoint)
            for endpoint in ENDPOINTS
        }
        self._usage_counts = metrics.enforcer_usage_counts_total
        self._clock = clock
        self._lapi = crowdsec.LapiFeed(carrying_out.defaults)
        self._runner: web.ServerRunner | None = None
        self.port = settings.port

    async def start(self) -> None:
        """Listen, or raise SettingsError in one line when the port is not available."""
        server = web.Server(
            self._answer, access_log=None, max_line_size=_MAX_LINE, max_field_size=_MAX_LINE
        )
        runner = web.ServerRunner(server, shutdown_timeout=_STOP_TIMEOUT_S)
        host, port = self._settings.host, self._settings.port
        self.port = await listen(runner, host, port, setting="enforcer.port")
        self._runner = runner

    async def stop(self) -> None:
        """Stop listening; idempotent."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        started = time.perf_counter()
        endpoint, response = await self._routed(request)
        if endpoint:
            self._seconds[endpoint].observe(time.perf_counter() - started)
        return response

    async def _routed(self, request: web.BaseRequest) -> tuple[str, web.Response]:
        path = request.path
        if path == authorization.ROOT or path.startswith(f"{authorization.ROOT}/"):
            return "authorize", self._authorize(request)
        if path == guardrail.PATH:
            return "guardrail", await self._guard(request)
        if path in {crowdsec.ROOT, crowdsec.STREAM}:
            return "stream", self._lapi_answer(request)
        if path == usage.PATH:
            return "stream", await self._take_usage(request)
        return "", web.Response(status=404)

    def _authorize(self, request: web.BaseRequest) -> web.Response:
        gateway = self._gateway(request)
        if not gateway:
            return self._unauthorized("authorize")
        subjects = authorization.subjects_of(request.headers, self._names)
        if not subjects:
            # A gateway that passes no id must not shut everyone out.
            self._count("authorize", "invalid")
            return authorization.answered(request.path, PASSED)
        outcome = self._carrying_out.outcome(subjects)
        self._count("authorize", outcome.answer)
        count_answer(self._tallies, gateway, outcome, self._clock())
        return authorization.answered(request.path, outcome)

    async def _guard(self, request: web.BaseRequest) -> web.Response:
        gateway = self._gateway(request)
        if not gateway:
            return self._unauthorized("guardrail")
        try:
            async with asyncio.timeout(_BODY_WITHIN_S):
                body = await request.clone(client_max_size=MAX_BODY).read()
            found = guardrail.read(body)
        except web.HTTPRequestEntityTooLarge:
            self._count("guardrail", "invalid")
            return web.Response(status=413)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TimeoutError):
            self._count("guardrail", "invalid")
            return web.Response(status=400)
        if found.input_type == "response":
            self._count("guardrail", "passed")
            return _json(guardrail.GuardrailAnswer(action="NONE"))
        outcome = self._carrying_out.outcome(found.subjects)
        self._count("guardrail", outcome.answer)
        count_answer(self._tallies, gateway, outcome, self._clock(), guardrail=True)
        return _json(guardrail.answered(found, outcome))

    def _lapi_answer(self, request: web.BaseRequest) -> web.Response:
        client = self._gateway(request)
        if not client:
            return self._unauthorized("stream")
        self._count("stream", "passed")
        if math.isinf(self._feed.age_s):
            # Decisions are not read yet: an empty answer would lift all that a client carries out.
            return web.Response(status=503)
        now, in_force = self._clock(), self._feed.in_force
        observing, path = self._carrying_out.observing, request.path
        simulated = path == crowdsec.ROOT and request.query.get("simulated", "") == "true"
        if observing and not simulated:
            in_force = NOTHING
        if path == crowdsec.ROOT:
            scope, value = request.query.get("scope", ""), request.query.get("value", "")
            found = self._lapi.about(in_force, scope, value, now, simulated=simulated)
            return _json(found or None)
        # Processes that share a token have a name each, or they would take each other's changes.
        client += "\n" + request.headers.get(crowdsec.CLIENT, "")[: crowdsec.MAX_NAME]
        scopes = frozenset(filter(None, request.query.get("scopes", "").split(",")))
        whole = request.query.get("startup", "") == "true" or not self._lapi.has(client)
        answer = _json(self._lapi.pull(client, in_force, now, whole=whole, scopes=scopes))
        answer.headers[crowdsec.WHOLE] = str(int(whole))
        answer.headers[crowdsec.AGE] = f"{self._feed.age_s:.1f}"
        return answer

    async def _take_usage(self, request: web.BaseRequest) -> web.Response:
        gateway = self._gateway(request)
        if not gateway:
            return self._unauthorized("stream")
        try:
            async with asyncio.timeout(_BODY_WITHIN_S):
                report = usage.read(await request.clone(client_max_size=usage.MAX_BODY).read())
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TimeoutError):
            self._count("stream", "invalid")
            return web.Response(status=400)
        except web.HTTPRequestEntityTooLarge:
            self._count("stream", "invalid")
            return web.Response(status=413)
        self._count("stream", "passed")
        for result, number in self._usage.take(gateway, report, self._clock()):
            self._usage_counts.labels(result=result).inc(number)
        return web.Response(status=201)

    def _gateway(self, request: web.BaseRequest) -> str:
        """Return the position of the token that the request has, empty: none of ours."""
        key = request.headers.get("X-Api-Key")
        given = f"Bearer {key}" if key else request.headers.get("Authorization", "")
        return str(self._bearer.position(given) or "")

    def _unauthorized(self, endpoint: str) -> web.Response:
        self._count(endpoint, "unauthorized")
        return web.Response(status=401, headers={"WWW-Authenticate": "Bearer"})

    def _count(self, endpoint: str, answer: str) -> None:
        self._answers[endpoint, answer].inc()


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")
