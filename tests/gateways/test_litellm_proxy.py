"""LiteLLM's own proxy: what callers sent and were answered is what the product reads of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

if TYPE_CHECKING:
    from testlib.workers.gateway import Product

pytestmark = pytest.mark.gateways

KEYS = [f"sk-caller-{n}" for n in range(5)]
QUESTIONS = 4


async def ask(session: aiohttp.ClientSession, key: str, number: int) -> dict[str, Any]:
    """Ask something and return what its record should say."""
    body = {
        "model": "small",
        "messages": [
            {"role": "system", "content": f"You are the assistant of {key}."},
            {"role": "user", "content": f"question {number} of {key}"},
        ],
        "temperature": number / 10,
        "max_tokens": 10 + number,
    }
    headers = {"Authorization": f"Bearer {key}", "User-Agent": f"caller/{number}"}
    async with session.post("/v1/chat/completions", json=body, headers=headers) as answer:
        assert answer.status == 200
        usage = (await answer.json())["usage"]
    return {
        "request": f"question {number} of {key}",
        "system": f"You are the assistant of {key}.",
        "input": usage["prompt_tokens"],
        "output": usage["completion_tokens"],
        "temperature": number / 10,
        "max_tokens": 10 + number,
        "user_agent": f"caller/{number}",
    }


def read(event: Any) -> dict[str, Any]:
    return {
        "request": event.prompt,
        "system": event.system_prompt,
        "input": event.input_tokens,
        "output": event.output_tokens,
        "temperature": event.temperature,
        "max_tokens": event.max_tokens,
        "user_agent": event.user_agent,
    }


@pytest.mark.timeout(300)
async def test_what_was_sent_is_what_is_read(litellm: str, product: Product) -> None:
    async with aiohttp.ClientSession(litellm) as session:
        sent = [await ask(session, key, n) for n in range(QUESTIONS) for key in KEYS]
        body = {"model": "small", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
        headers = {"x-api-key": KEYS[0], "anthropic-version": "2023-06-01"}
        async with session.post("/v1/messages", json=body, headers=headers) as answer:
            assert answer.status == 200
    with product.working() as worker:
        total = len(sent) + 1
        worker.until(
            lambda: (
                worker.total("distillwatch_events_total", format="litellm", result="accepted")
                >= total
            ),
            what="events",
            within_s=90,
        )
        assert worker.total("distillwatch_events_total", result="rejected") == 0
    events = await product.events()
    chats = [event for event in events if event.prompt != "hi"]
    key = str
    assert sorted(map(read, chats), key=key) == sorted(sent, key=key)
    by_account = {event.account_id: event.system_prompt for event in chats}
    assert len(by_account) == len(KEYS)  # the hash of a key, never the key
    assert not [account for account in by_account if "caller" in account]
    assert {event.status for event in events} == {200}
    assert {event.client_ip for event in events} == {"127.0.0.1"}
    assert all(event.duration_s is not None and event.duration_s < 60 for event in events)
    users = {event.account_id for event in await product.events(account="user")}
    assert users == {f"user of {key}" for key in KEYS}
