"""Callers of LiteLLM's proxy, each with a key and an address of its own, and a model behind it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec
from aiohttp import web
from aiokafka import AIOKafkaConsumer

from testlib.traffic.dealt_questions import rounds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from testlib.traffic.dealt_questions import Caller
    from testlib.workers.gateway import Product

REASONING = "six times seven"


def account(caller: Caller) -> str:
    """Return what LiteLLM calls the caller's key in its log."""
    return hashlib.sha256(caller.key.encode()).hexdigest()


def connection(caller: Caller, proxy: str) -> aiohttp.ClientSession:
    """Return a session of the caller, from an address of its own."""
    # The proxy closes what is idle for seconds, and a busy machine takes as long between two calls.
    connector = aiohttp.TCPConnector(local_addr=(caller.address, 0), force_close=True)
    headers = {"Authorization": f"Bearer {caller.key}"}
    return aiohttp.ClientSession(proxy, connector=connector, headers=headers)


async def ask(proxy: aiohttp.ClientSession, prompt: str) -> None:
    body = {"model": "small", "messages": [{"role": "user", "content": prompt}]}
    async with proxy.post("/v1/chat/completions", json=body) as answer:
        assert answer.status == 200, await answer.text()


async def converse(litellm: str, who: list[Caller]) -> None:
    """Let all ask their questions, those of each round at the same time."""
    async with AsyncExitStack() as open_ones:
        proxies = {
            one.key: await open_ones.enter_async_context(connection(one, litellm)) for one in who
        }
        for asked in rounds(who):
            await asyncio.gather(*(ask(proxies[one.key], prompt) for one, prompt in asked))


async def told(
    product: Product, litellm: str, clock: Caller, *, enough: set[str]
) -> list[set[str]]:
    """Return the accounts of each campaign told, once ``enough`` are; ``clock`` keeps asking.

    Time is that of events: without a further one the last step is never over.
    """
    found: dict[str, set[str]] = {}
    async with (
        asyncio.timeout(90),
        connection(clock, litellm) as proxy,
        AIOKafkaConsumer(
            product.environment["DISTILLWATCH_TOPICS_ALERTS"],
            bootstrap_servers=product.environment["DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS"],
            auto_offset_reset="earliest",
        ) as consumer,
    ):
        while not enough <= set().union(*found.values()):
            await ask(proxy, "what time is it")
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                alerts = [msgspec.json.decode(record.value or b"") for record in records]
                found |= {
                    alert["alert_id"]: set(alert["account_ids"])
                    for alert in alerts
                    if alert["kind"] == "campaign"
                }
    return list(found.values())


class Upstream:
    """A model that reasons before it answers, whole or streamed; ``bodies`` are its requests."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.bodies.append(body)
        text = f"forty two by {body['model']}"
        given = {"id": "chatcmpl-1", "created": 1, "model": body["model"]}
        if not body.get("stream"):
            message = {"role": "assistant", "content": text, "reasoning_content": REASONING}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            usage = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}
            done = {"object": "chat.completion", "choices": [choice], "usage": usage}
            return web.json_response(given | done)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for delta in ({"role": "assistant", "reasoning_content": REASONING}, {"content": text}, {}):
            choice = {"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}
            piece = given | {"object": "chat.completion.chunk", "choices": [choice]}
            await response.write(f"data: {json.dumps(piece)}\n\n".encode())
        await response.write(b"data: [DONE]\n\n")
        return response


@asynccontextmanager
async def reasoning_model() -> AsyncIterator[Upstream]:
    """Serve a model on loopback, in OpenAI's interface."""
    upstream = Upstream()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", upstream.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        upstream.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        yield upstream
    finally:
        await runner.cleanup()
