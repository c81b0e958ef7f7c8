"""A campaign served by LiteLLM's own proxy is told on the alerts topic, with just its accounts."""

from __future__ import annotations

import asyncio
import hashlib
import random
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
import msgspec
import pytest
from aiokafka import AIOKafkaConsumer

from stream.simulate.words import SUBJECTS

if TYPE_CHECKING:
    from gateway_processes import Product

pytestmark = pytest.mark.gateways

MEMBERS, STRANGERS = 64, 12
ASKED = 20  # questions of each of them
ITEMS = 72  # each for 18 members or so: what more than 30 have would be popular
QUICK = {
    "DISTILLWATCH_WINDOWS_STEP_S": "5",
    "DISTILLWATCH_CAMPAIGNS_JUDGE_EVERY_S": "5",
    "DISTILLWATCH_CAMPAIGNS_RESEND_S": "0",
    "DISTILLWATCH_ALERTING_GROW_EVERY_S": "0",
}
WORDS = [word for subject in SUBJECTS for word in subject.things]


@dataclass(frozen=True)
class Caller:
    """Who asks, from an address of its own: those who sit at one address have one owner."""

    key: str
    address: str
    prompts: list[str]

    @property
    def account(self) -> str:
        """Return what LiteLLM calls the key in its log."""
        return hashlib.sha256(self.key.encode()).hexdigest()

    def connection(self, proxy: str) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(local_addr=(self.address, 0))
        headers = {"Authorization": f"Bearer {self.key}"}
        return aiohttp.ClientSession(proxy, connector=connector, headers=headers)


def callers() -> tuple[list[Caller], list[Caller]]:
    """Return members, who ask items of one list in words of their own, and unrelated strangers."""
    rng = random.Random(4)

    def text(words: int) -> str:
        return " ".join(rng.sample(WORDS, words))

    items = [text(14) for _ in range(ITEMS)]
    members = []
    for n in range(MEMBERS):
        opening, end = text(3), text(2)
        prompts = [f"{opening} {item} {end}" for item in rng.sample(items, ASKED)]
        members.append(Caller(f"sk-member-{n}", f"127.1.0.{n + 1}", prompts))
    strangers = []
    for n in range(STRANGERS):
        # One of the items is a question that anybody may have.
        prompts = [rng.choice(items), *(text(19) for _ in range(ASKED - 1))]
        strangers.append(Caller(f"sk-stranger-{n}", f"127.2.0.{n + 1}", prompts))
    return members, strangers


async def ask(proxy: aiohttp.ClientSession, prompt: str) -> None:
    body = {"model": "small", "messages": [{"role": "user", "content": prompt}]}
    async with proxy.post("/v1/chat/completions", json=body) as answer:
        assert answer.status == 200


async def converse(litellm: str, who: list[Caller]) -> None:
    """Let all ask one question after the other, at the same time."""
    async with AsyncExitStack() as open_ones:
        proxies = [await open_ones.enter_async_context(one.connection(litellm)) for one in who]
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
        clock.connection(litellm) as proxy,
        AIOKafkaConsumer(
            product.environment["DISTILLWATCH_TOPICS_ALERTS"],
            bootstrap_servers=product.environment["DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS"],
            auto_offset_reset="earliest",
        ) as consumer,
    ):
        while not enough <= set().union(*found.values()):
            await ask(proxy, "what time is it")
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                alerts = [msgspec.json.decode(record.value) for record in records]
                found |= {
                    alert["alert_id"]: set(alert["account_ids"])
                    for alert in alerts
                    if alert["kind"] == "campaign"
                }
    return list(found.values())


@pytest.mark.timeout(300)
async def test_a_campaign_is_told_with_exactly_its_accounts(litellm: str, product: Product) -> None:
    members, strangers = callers()
    campaign = {one.account for one in members}
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
