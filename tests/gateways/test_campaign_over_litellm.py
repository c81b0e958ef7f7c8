"""A campaign served by LiteLLM's own proxy is told on the alerts topic, with just its accounts."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import aiohttp
import msgspec
import pytest
from aiokafka import AIOKafkaConsumer

from testlib.traffic.dealt_questions import ASKED, MEMBERS, QUICK, STRANGERS, callers

if TYPE_CHECKING:
    from testlib.traffic.dealt_questions import Caller
    from testlib.workers.gateway import Product

pytestmark = pytest.mark.gateways


def account(caller: Caller) -> str:
    """Return what LiteLLM calls the caller's key in its log."""
    return hashlib.sha256(caller.key.encode()).hexdigest()


def connection(caller: Caller, proxy: str) -> aiohttp.ClientSession:
    """Return a session of the caller, from an address of its own."""
    connector = aiohttp.TCPConnector(local_addr=(caller.address, 0))
    headers = {"Authorization": f"Bearer {caller.key}"}
    return aiohttp.ClientSession(proxy, connector=connector, headers=headers)


async def ask(proxy: aiohttp.ClientSession, prompt: str) -> None:
    body = {"model": "small", "messages": [{"role": "user", "content": prompt}]}
    async with proxy.post("/v1/chat/completions", json=body) as answer:
        assert answer.status == 200


async def converse(litellm: str, who: list[Caller]) -> None:
    """Let all ask one question after the other, at the same time."""
    async with AsyncExitStack() as open_ones:
        proxies = [await open_ones.enter_async_context(connection(one, litellm)) for one in who]
        for prompts in zip(*(one.prompts for one in who), strict=True):
            await asyncio.gather(*map(ask, proxies, prompts))


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


@pytest.mark.timeout(300)
async def test_a_campaign_is_told_with_exactly_its_accounts(litellm: str, product: Product) -> None:
    members, strangers = callers()
    campaign = {account(one) for one in members}
    product.environment |= QUICK
    with product.working() as worker:
        worker.until_ready()
        await converse(litellm, members + strangers)
        worker.until(
            lambda: (
                worker.total("distillwatch_events_total", format="litellm", result="accepted")
                >= ASKED * (MEMBERS + STRANGERS)
            ),
            what="events",
            within_s=60,
        )
        assert await told(product, litellm, strangers[0], enough=campaign) == [campaign]
        assert worker.total("distillwatch_events_total", result="rejected") == 0
        assert worker.total("distillwatch_accounts_tracked") == MEMBERS + STRANGERS
