"""Gateways with an admin API, and what keeps them as decisions want."""

from __future__ import annotations

import hashlib
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

import msgspec
from aiohttp import web
from prometheus_client import generate_latest

from stream.core.decisions import DecisionSubject
from stream.core.secret import Secret
from stream.decisions.guard_rails import GuardRails
from stream.decisions.in_force import NOTHING, InForce
from stream.decisions.settings import DecisionSettings
from stream.decisions.transitions import approve, undo
from stream.decisions.treatment import TreatmentDefaults
from stream.delivery.time_source import Clock
from stream.enforcement.admin.gateways import gateway_of
from stream.enforcement.admin.reconciler import Reconciler
from stream.enforcement.admin.settings import AdminSettings
from stream.http.enforcer.metrics import EnforcerMetrics
from testlib import metrics
from testlib.decisions import ALICE, BOB, KEY, NOW_S, proposal, read, register_of, stored

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stream.core.decisions import Action, Decision

TOKEN = "sk-" + "a" * 20
DEFAULTS = TreatmentDefaults(requests_per_minute=10, model="", instruction="")


def key_hash(number: int) -> str:
    """Return what LiteLLM logs as the account of a key."""
    return hashlib.sha256(f"sk-{number}".encode()).hexdigest()


def merged(row: dict[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a key's row after /key/update, as LiteLLM documents it: a merge patch."""
    return {**row, **{name: value for name, value in body.items() if name != "key"}}


class LitellmServer:
    """LiteLLM's endpoints for keys over HTTP; ``rows`` is its table."""

    def __init__(self, update: Callable[..., dict[str, Any]] = merged) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str, Any]] = []
        self.changed_by: list[str] = []
        self.broken: list[int] = []  # statuses of the next answers
        self.loses_answers = False  # changes count and are answered with 500
        self.update = update

    def add(self, number: int, **values: Any) -> str:
        name = key_hash(number)
        row = {"blocked": None, "rpm_limit": None, "metadata": {}, "key_alias": f"key {number}"}
        self.rows[name] = row | values
        return name

    async def __aenter__(self) -> Self:
        self._runner = web.ServerRunner(web.Server(self._answer, access_log=None))
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        body = msgspec.json.decode(await request.read() or b"null")
        self.calls.append((request.method, request.path_qs, body))
        if self.broken:
            return web.Response(status=self.broken.pop(0), headers={"Retry-After": "7"})
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _error(401, "Authentication Error")
        match request.method, request.path:
            case "GET", "/key/info":
                return self._info(request.query["key"])
            case "GET", "/key/list":
                return self._list(int(request.query["page"]), int(request.query["size"]))
            case "POST", "/key/update":
                self.changed_by.append(request.headers["litellm-changed-by"])
                return self._updated(body)
        return web.json_response({"detail": "Not Found"}, status=404)

    def _info(self, name: str) -> web.Response:
        if name not in self.rows:
            return _error(404, "Key not found in database")
        return web.json_response({"key": name, "info": {"status": "active", **self.rows[name]}})

    def _list(self, page: int, size: int) -> web.Response:
        names = list(self.rows)[(page - 1) * size : page * size]
        keys = [{"token": name, **self.rows[name]} for name in names]
        return web.json_response({"keys": keys, "current_page": page})

    def _updated(self, body: dict[str, Any]) -> web.Response:
        if body["key"] not in self.rows:
            return _error(404, "Key not found.")
        self.rows[body["key"]] = self.update(self.rows[body["key"]], body)
        if self.loses_answers:
            return web.Response(status=500)
        return web.json_response({"key": body["key"], **self.rows[body["key"]]})


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message, "code": str(status)}}, status=status)


class Keeping:
    """A reconciler, the decisions that it follows, and a clock that stands still."""

    def __init__(self, gateway: Any = None, *, observing: bool = False, **settings: Any) -> None:
        self.now = NOW_S + 1
        self.passed = 0.0
        self.allow: tuple[str, ...] = ()
        self.register = register_of()
        self.feed: Any = SimpleNamespace(in_force=NOTHING, register=self.register, read_at_s=NOW_S)
        self.observing = observing
        self.metrics = EnforcerMetrics()
        self.settings = AdminSettings(token=Secret(TOKEN), **settings)
        self.gateway = gateway
        self._reconcilers: list[Reconciler] = []
        self.start_again()

    def start_again(self) -> None:
        """Forget all that the process knows, as after a crash."""
        gateway: Any = self.gateway or gateway_of(self.settings, DecisionSettings(key=Secret(KEY)))
        self.reconciler = Reconciler(
            self.settings,
            gateway,
            feed=self.feed,
            defaults=DEFAULTS,
            observing=self.observing,
            metrics=self.metrics,
            clock=Clock(wall=lambda: self.now, monotonic=lambda: self.passed),
            random=Random(1),
        )
        self._reconcilers.append(self.reconciler)

    async def close(self) -> None:
        for one in self._reconcilers:
            await one.close()

    def decide(self, number: int, account: str, action: Action = "suspend", **more: Any) -> str:
        """Put a decision in force, and return its id."""
        made = proposal(
            decision_id=f"dec_{number:020d}",
            action=action,
            subject=DecisionSubject(kind=more.pop("kind", "account"), id=account),
            **more,
        )
        read(self.register, approve(stored(made), ALICE, NOW_S))
        self.renew()
        return made.key

    def undo(self, decision_id: str) -> None:
        known = self.register.get(decision_id)
        assert known
        read(self.register, undo(known, BOB, self.now))
        self.renew()

    def renew(self) -> None:
        """Make the table of decisions again, as the feed does."""
        rails = GuardRails(DecisionSettings(allow=self.allow))
        self.feed.in_force = InForce.of(self.register, rails, self.now)

    def in_force(self) -> list[Decision]:
        return list(self.feed.in_force.decisions.values())

    async def settle(self) -> None:
        """Take in what is decided, and work until nothing is due."""
        await self.reconciler.look()
        while await self.reconciler.work():
            pass

    async def compare(self) -> None:
        """The same, and everything is compared."""
        await self.reconciler.look()
        await self.reconciler.compare()
        await self.settle()

    async def later(self, seconds: float = 120.0) -> None:
        """Settle after a while, when what has failed is tried again."""
        self.passed += seconds
        await self.settle()

    def counted(self, name: str, **labels: str) -> float:
        text = generate_latest(self.metrics.registry).decode()
        return metrics.total(text, f"distillwatch_enforcer_admin_{name}", **labels)
