"""The enforcer's server over decisions that a test puts in force."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import aiohttp
import msgspec
from prometheus_client import generate_latest

from stream.core.secret import Secret
from stream.decisions.guard_rails import GuardRails
from stream.decisions.in_force import InForce
from stream.decisions.settings import DecisionSettings
from stream.decisions.tallies import Tallies
from stream.decisions.transitions import approve
from stream.http.enforcer.carrying_out import CarryingOut
from stream.http.enforcer.enforcer_server import EnforcerServer
from stream.http.enforcer.metrics import EnforcerMetrics
from stream.http.enforcer.settings import EnforcerSettings
from testlib import metrics
from testlib.decisions import ALICE, NOW_S, register_of, stored

TOKEN = "t" * 16
GUARDRAIL = "/beta/litellm_basic_guardrail_api"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


class Enforcer:
    """A server on a free port, an HTTP client, and a clock that stands still."""

    def __init__(self, *, tokens=TOKEN, **settings):
        self.now = NOW_S + 1
        self.feed: Any = SimpleNamespace(in_force=None, age_s=0.0)
        self.observing = False
        self.tallies = Tallies(enforcer="one", run="0" * 16, most=100)
        self.decide()
        self.settings = EnforcerSettings(port=0, tokens=Secret(tokens), **settings)
        self.metrics = EnforcerMetrics()

    def decide(self, *decisions, **settings):
        states = [approve(stored(one), ALICE, NOW_S) for one in decisions]
        rails = GuardRails(DecisionSettings(**settings))
        self.feed.in_force = InForce.of(register_of(*states), rails, self.now)
        new = self.feed.in_force.decisions.values()
        self.tallies.hold(new, self.now, observing=self.observing)

    async def __aenter__(self):
        def clock():
            return self.now

        self.server = EnforcerServer(
            self.settings,
            feed=self.feed,
            carrying_out=CarryingOut(
                self.settings, self.feed, observing=self.observing, clock=clock
            ),
            tallies=self.tallies,
            metrics=self.metrics,
            clock=clock,
        )
        await self.server.start()
        self.session = aiohttp.ClientSession(f"http://127.0.0.1:{self.server.port}")
        return self

    async def __aexit__(self, *_):
        await self.session.close()
        await self.server.stop()

    async def ask(self, path, headers=(), method="GET", body=None):
        headers = AUTHORIZED | dict(headers)
        async with self.session.request(method, path, headers=headers, json=body) as answer:
            return answer.status, dict(answer.headers), await answer.read()

    async def pull(self, query="", name=""):
        """Return what a client of the stream gets."""
        given = {"Authorization": "", "X-Api-Key": TOKEN, "x-distillwatch-client": name}
        _, self.headers, body = await self.ask(f"/v1/decisions/stream{query}", given)
        return msgspec.json.decode(body)

    async def authorize(self, account, path="/authorize/v1/chat/completions"):
        return await self.ask(path, {"x-account": account}, "POST")

    def counted(self, endpoint, answer):
        text = generate_latest(self.metrics.registry).decode()
        return metrics.total(
            text, "distillwatch_enforcer_answers_total", endpoint=endpoint, answer=answer
        )
