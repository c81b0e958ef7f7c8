"""A webhook receiver that verifies signatures and gives scripted answers."""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook

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


class Answers:
    """What a receiver can be scripted with."""

    status = staticmethod(status)
    hang = staticmethod(hang)
    slam = staticmethod(slam)
