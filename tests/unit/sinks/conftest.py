"""A real receiver of webhooks, a clock to drive, and an alert to send."""

from __future__ import annotations

import asyncio
import base64
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks import Webhook

from stream.core.alerts import Alert
from stream.core.findings import Evidence, Observed
from stream.core.secret import Secret
from stream.delivery.clock import Clock
from stream.delivery.settings import WebhookSettings
from stream.metrics import Metrics

SECRET = "whsec_" + base64.b64encode(b"a" * 32).decode()
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def status(code: int, **headers: str) -> Answer:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(
            status=code, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )

    return answer


async def hang(_: web.Request) -> web.Response:
    await asyncio.sleep(30)
    raise AssertionError


async def slam(request: web.Request) -> web.Response:
    assert request.transport
    request.transport.close()
    return web.Response()


@dataclass
class Got:
    id: str
    path: str
    signatures: list[str]
    headers: dict[str, str]
    raw: bytes
    body: dict[str, Any]


@dataclass
class Receiver:
    """Verifies every signature, then gives the next scripted answer (200 when none is left)."""

    url: str = ""
    got: list[Got] = field(default_factory=list)
    script: deque[Answer] = field(default_factory=deque)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    verifier: Webhook = field(default_factory=lambda: Webhook(SECRET))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        headers = dict(request.headers)
        body = self.verifier.verify(raw, headers)
        signatures = headers["webhook-signature"].split(" ")
        self.got.append(Got(headers["webhook-id"], request.path, signatures, headers, raw, body))
        self.reached.set()
        answer = self.script.popleft() if self.script else status(200)
        return await answer(request)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_post("/{path}", made.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield made
    await runner.cleanup()


class DrivenTime:
    """Time that passes only when somebody sleeps; wall time starts at the real one."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.slept: list[float] = []
        self._start = time.time()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passed += seconds
        await asyncio.sleep(0)

    @property
    def clock(self) -> Clock:
        return Clock(
            # Signatures are verified against real time, so wall time does not pass.
            wall=lambda: self._start,
            monotonic=lambda: self.passed,
            sleep=self.sleep,
        )


@pytest.fixture
def driven() -> DrivenTime:
    return DrivenTime()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def settings_for(receiver: Receiver) -> Callable[..., WebhookSettings]:
    def make(**changes: Any) -> WebhookSettings:
        return WebhookSettings(**{"url": Secret(receiver.url), "secret": Secret(SECRET), **changes})

    return make


def make_alert(alert_id: str = "inc-1", **changes: Any) -> Alert:
    values: dict[str, Any] = {
        "alert_id": alert_id,
        "kind": "campaign",
        "status": "firing",
        "severity": "warning",
        "score": 0.997,
        "campaign_id": "c-1",
        "account_ids": ["acc-1", "acc-2"],
        "started_at": "2026-01-02T03:04:00Z",
        "detected_at": "2026-01-02T03:10:00Z",
        "updated_at": "2026-01-02T03:10:00Z",
        "summary": "2 accounts share one system prompt — zwei Konten",
        "evidence": [
            Evidence(
                feature="shared_prompt",
                value=2.0,
                unit="accounts",
                baseline=None,
                contribution=1.0,
                meaning="accounts with this prompt",
            )
        ],
        "observed": Observed(requests=10, input_tokens=100, output_tokens=1000),
        "techniques": ["AML.T0024.002"],
        "runbook_url": "https://example.org/runbook",
        "model_version": "1",
    }
    return Alert(**(values | changes))


@pytest.fixture
def alert_of() -> Callable[..., Alert]:
    return make_alert


class Answers:
    """What a receiver can be scripted with."""

    status = staticmethod(status)
    hang = staticmethod(hang)
    slam = staticmethod(slam)


@pytest.fixture
def answers() -> type[Answers]:
    return Answers
