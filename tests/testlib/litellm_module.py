"""Decisions in force as the module for LiteLLM's proxy gets them: over the enforcer's stream."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec

from distillwatch_litellm import DistillwatchHandler, Settings, Table
from stream.decisions.guard_rails import GuardRails
from stream.decisions.in_force import InForce
from stream.decisions.settings import DecisionSettings
from stream.decisions.transitions import approve
from stream.decisions.treatment import TreatmentDefaults
from stream.http.enforcer.crowdsec import LapiFeed
from testlib.decisions import ALICE, NOW_S, register_of, stored

if TYPE_CHECKING:
    from stream.core.decisions import Decision

DEFAULTS = TreatmentDefaults(requests_per_minute=10, model="small", instruction="In rhyme.")
#: The module's monotonic clock at NOW_S.
CLOCK_S = 1000.0


def in_force(*decisions: Decision) -> InForce:
    states = [approve(stored(one), ALICE, NOW_S) for one in decisions]
    return InForce.of(register_of(*states), GuardRails(DecisionSettings()), NOW_S)


def pulled(table: InForce, feed: LapiFeed | None = None, *, whole: bool = True) -> Any:
    """Return an answer of the stream as JSON has it."""
    feed = feed or LapiFeed(DEFAULTS)
    answer = feed.pull("one", table, NOW_S, whole=whole, scopes=frozenset())
    return msgspec.json.decode(msgspec.json.encode(answer))


def table_of(*decisions: Decision) -> Table:
    return Table().changed(pulled(in_force(*decisions))["new"] or (), (), CLOCK_S)


class Proxy:
    """The module's hooks, called as LiteLLM's proxy calls them, and a clock."""

    def __init__(self, *decisions: Decision, **settings: Any) -> None:
        self.now = CLOCK_S
        self.handler = DistillwatchHandler(Settings(**settings), clock=lambda: self.now)
        self.decide(*decisions)

    def decide(self, *decisions: Decision) -> None:
        self.handler.feed.table = table_of(*decisions)

    async def call(self, account: str | None, call_type: str = "acompletion", **data: Any) -> Any:
        """Return the request that goes to the model; raises the module's refusal."""
        given = {"model": "large", "messages": [{"role": "user", "content": "hi"}]} | data
        changed = await self.handler.async_pre_call_hook(caller(account), None, given, call_type)
        return changed or given

    async def answer(self, account: str, answer: Any) -> Any:
        """Return the answer that the caller gets."""
        changed = await self.handler.async_post_call_success_hook({}, caller(account), answer)
        return answer if changed is None else changed

    async def stream(self, account: str, *pieces: Any) -> list[Any]:
        """Return the pieces of a streamed answer that the caller gets."""

        async def given() -> Any:
            for piece in pieces:
                yield piece

        hook = self.handler.async_post_call_streaming_iterator_hook
        return [piece async for piece in hook(caller(account), given(), {})]

    @property
    def counted(self) -> dict[str, int]:
        """Return requests by effect and action."""
        counts: dict[str, int] = {}
        for (_, action, effect), number in self.handler.feed._counts.items():
            counts[f"{effect} {action}"] = counts.get(f"{effect} {action}", 0) + number
        return counts


def caller(account: str | None, **more: Any) -> SimpleNamespace:
    """Return what LiteLLM knows of a key."""
    ids = {"user_id": None, "team_id": None, "org_id": None, "end_user_id": None}
    return SimpleNamespace(**{"api_key": account} | ids | more)
