"""From an alert to action over LiteLLM's own proxy: each action, undo, expiry, a dead enforcer."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from testlib.decisions import KEY
from testlib.paths import DEPLOY
from testlib.ports import free_port
from testlib.traffic.dealt_questions import QUICK, Caller, callers, seldom
from testlib.until import until_async
from testlib.workers.command import run
from testlib.workers.litellm import (
    REASONING,
    account,
    connection,
    converse,
    reasoning_model,
    told,
)
from testlib.workers.worker import worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from testlib.workers.gateway import Product
    from testlib.workers.litellm import Upstream
    from testlib.workers.worker import Worker

pytestmark = pytest.mark.gateways

TOKEN = "t" * 16
MODULE = DEPLOY / "litellm" / "distillwatch_litellm.py"
#: From the end of a person's command to the first refusal, with a pull every two seconds.
SOON_S = 5.0
INSTRUCTION = "End with a rhyme."
MARKED = "a question of its own"
RULES = [
    {"kind": "campaign", "severity": severity, "action": "suspend", "for_s": 3600}
    for severity in ("warning", "critical")
]


def question(who: Caller) -> str:
    return f"question of {who.key}."


@dataclass
class Answer:
    """What a caller gets."""

    status: int
    headers: Any
    text: str


@dataclass
class Loop:
    """People's commands and callers' requests."""

    product: Product
    proxy: str
    upstream: Upstream

    async def do(self, *arguments: str) -> str:
        """Run a command as a person does."""
        done = await asyncio.to_thread(run, self.product.environment, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    async def attempt(self, *arguments: str) -> bool:
        """Run a command that may be refused."""
        done = await asyncio.to_thread(run, self.product.environment, *arguments)
        print(done.stdout or done.stderr, end="")
        return done.returncode == 0

    async def decide(self, action: str, who: Caller, *more: str, lasting: str = "30m") -> str:
        """Decide about one account, and return the decision's id."""
        about = ("--account", account(who), "--for", lasting, "--author", "ana", "--reason", "test")
        return (await self.do("decide", action, *about, *more)).split()[0]

    async def proposal(self) -> dict[str, Any] | None:
        lines = (await self.do("decisions", "--json")).splitlines()
        found = [one for one in map(json.loads, lines) if one["subject"]["kind"] == "campaign"]
        return max(found, key=lambda one: len(one["accounts"]), default=None)

    async def call(
        self, who: Caller, path: str = "chat/completions", *, prompt: str = "", **more: Any
    ) -> Answer:
        body = {"model": "large", "max_tokens": 99} | more
        body["messages"] = [{"role": "user", "content": prompt or question(who)}]
        async with (
            connection(who, self.proxy) as session,
            session.post(f"/v1/{path}", json=body) as answer,
        ):
            return Answer(answer.status, answer.headers, await answer.text())

    async def soon(self, who: Caller, status: int, what: str) -> float:
        """Wait for an answer with a status; return and print the seconds that it took."""
        started = time.monotonic()

        async def holds() -> bool:
            return (await self.call(who)).status == status

        await until_async(holds, what=what, within_s=SOON_S)
        print(f"{what}: {(took_s := time.monotonic() - started):.2f} s")
        return took_s

    async def first(self, who: Caller, status: int) -> float:
        """Return when the first answer with a status came, epoch seconds."""

        async def holds() -> bool:
            return (await self.call(who)).status == status

        await until_async(holds, what=f"answer {status}", within_s=60)
        return time.time()

    async def statuses(self, who: list[Caller]) -> set[int]:
        return {one.status for one in await asyncio.gather(*map(self.call, who))}

    def sent(self, prompt: str) -> dict[str, Any]:
        """Return the last request with a prompt that the model got."""
        return next(body for body in reversed(self.upstream.bodies) if prompt in json.dumps(body))


@pytest.mark.timeout(600)
async def test_what_people_approve_is_carried_out_to_exactly_those_accounts(
    product: Product, proxying: Callable[..., AbstractContextManager[str]]
) -> None:
    members, benign = callers()
    port = free_port()
    product.environment |= QUICK | {
        "DISTILLWATCH_DECISIONS_KEY": KEY,
        "DISTILLWATCH_DECISIONS_MODE": "propose",
        "DISTILLWATCH_DECISIONS_RULES": json.dumps(RULES),
        "DISTILLWATCH_DECISIONS_MAX_TRAFFIC_SHARE_A_DAY": "1",  # almost all of it is the campaign's
        "DISTILLWATCH_ENFORCER_PORT": str(port),
        "DISTILLWATCH_ENFORCER_TOKENS": TOKEN,
    }
    own = {
        "DISTILLWATCH_ENFORCER_URL": f"http://127.0.0.1:{port}",
        "DISTILLWATCH_ENFORCER_TOKEN": TOKEN,
    }
    of_enforcer = product.environment | {"DISTILLWATCH_HTTP_PORT": str(free_port())}
    async with reasoning_model() as upstream:
        with (
            proxying("decided.yaml", MODULE, UPSTREAM=upstream.url, **own) as proxy,
            product.working() as working,
            worker(of_enforcer, product.folder, command="enforcer") as enforcer,
        ):
            enforcer.until_ready()
            working.until_ready()
            loop = Loop(product, proxy, upstream)
            brief = Caller("sk-brief", "127.3.0.1", [])
            await loop.decide("suspend", brief, lasting="1m")
            await loop.soon(brief, 403, "decision to first refusal")
            await campaign(loop, members, benign)
            await actions(loop, members, benign)
            await until_async(
                lambda: passes(loop, brief), what="end of a decision of a minute", within_s=60
            )
            await until_async(lambda: reported(enforcer), what="report of effects", within_s=20)
            last = await loop.decide("suspend", members[9])
            await loop.soon(members[9], 403, "decision to first refusal")
            enforcer.kill()
            assert await loop.statuses(benign) == {200}
            assert await loop.statuses([members[9]]) == {403}  # what was known holds
            with worker(of_enforcer, product.folder, command="enforcer") as again:
                again.until_ready()
                await loop.do("undo", last, "--author", "ana", "--reason", "test")
                await until_async(
                    lambda: passes(loop, members[9]), what="undo after a restart", within_s=15
                )


def reported(enforcer: Worker) -> bool:
    """Return whether the module has told what it did."""
    return enforcer.total("distillwatch_enforcer_usage_counts_total", result="counted") > 0


async def passes(loop: Loop, who: Caller) -> bool:
    return await loop.statuses([who]) == {200}


async def approved(
    loop: Loop, accounts: dict[str, Caller], clock: Caller, *people: str
) -> tuple[list[Caller], str]:
    """Return whose requests are refused by what people have approved, and the decision's id.

    A proposal that is replaced meanwhile cannot be approved; then the next one is. ``clock`` keeps
    asking until there is one: members may be told as likely first, and time is that of events.
    """
    accused: list[Caller] = []
    decision_id = ""

    async def holds() -> bool:
        nonlocal accused, decision_id
        found = await loop.proposal()
        if found is None:
            await loop.call(clock)
            return False
        decision_id = found["decision_id"]
        accused = [accounts[one] for one in found["accounts"]]  # KeyError: somebody benign
        refused = asyncio.create_task(loop.first(accused[0], 403))
        done = [await loop.attempt("approve", decision_id, "--author", who) for who in people]
        if not done[-1]:
            refused.cancel()
            return False
        refused_at = await asyncio.wait_for(refused, SOON_S)
        state = await loop.proposal()
        assert state
        print(f"approval to first refusal: {refused_at - state['approved_at']:.2f} s")
        return True

    await until_async(holds, what="approval", within_s=60)
    return accused, decision_id


async def campaign(loop: Loop, members: list[Caller], benign: list[Caller]) -> None:
    """From the traffic of a campaign to its refusal, and back."""
    await converse(loop.proxy, members + seldom(benign))
    accounts = {account(one): one for one in members}
    clock = benign[0]
    await told(loop.product, loop.proxy, clock, enough=set(accounts))
    # Two people, for so many.
    accused, decision_id = await approved(loop, accounts, clock, "ana", "ben")
    print(f"{len(accused)} of {len(members)} members acted on")
    assert await loop.statuses(accused) == {403}
    assert await loop.statuses(benign) == {200}
    answered = asyncio.create_task(loop.first(accused[0], 200))
    await loop.do("undo", decision_id, "--author", "ana", "--reason", "test")
    await asyncio.wait_for(answered, SOON_S)
    assert await loop.statuses(accused + benign) == {200}


async def actions(loop: Loop, members: list[Caller], benign: list[Caller]) -> None:
    """Each action for a member of its own."""
    slow, rerouted, hidden, marked = members[:4]
    limits = ("--requests-per-minute", "2", "--output-tokens", "50")
    await loop.decide("throttle", slow, *limits)
    await loop.decide("hide_reasoning", hidden)
    await loop.decide("mark", marked, "--instruction", INSTRUCTION)
    # The last one that is waited for: once the proxy has it, it has those before it.
    await loop.decide("reroute", rerouted, "--model", "tiny")

    await loop.soon(slow, 429, "decision to first 429")
    assert 1 <= int((await loop.call(slow)).headers["Retry-After"]) <= 30
    assert loop.sent(question(slow))["max_tokens"] == 50

    async def moved() -> bool:
        return "by tiny" in (await loop.call(rerouted)).text

    await until_async(moved, what="another model", within_s=SOON_S)
    for path in ("chat/completions", "messages"):
        for stream in (False, True):
            shown = await loop.call(benign[0], path, stream=stream)
            assert REASONING in shown.text, (path, stream)
            answer = await loop.call(hidden, path, stream=stream)
            assert answer.status == 200
            assert REASONING not in answer.text, (path, stream)
            assert "forty two by large" in answer.text, (path, stream, answer.text)
    await loop.call(marked, prompt=MARKED)
    assert INSTRUCTION in json.dumps(loop.sent(MARKED))
    await loop.call(benign[1])
    plain = loop.sent(question(benign[1]))
    assert plain["messages"] == [{"role": "user", "content": question(benign[1])}]
    assert plain["max_tokens"] == 99

    async def logged() -> bool:
        found = await loop.product.events()
        assert {event.system_prompt for event in found} == {None}  # not what marks an account
        return MARKED in {event.prompt for event in found}

    await until_async(logged, what="log of a marked call", within_s=60)
