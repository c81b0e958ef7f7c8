"""Decisions of people in a gateway's own keys: real enforcers, real topics, LiteLLM's endpoints."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from testlib.admin_apis import TOKEN, LitellmServer
from testlib.decisions import KEY
from testlib.ports import free_port
from testlib.until import until_async
from testlib.workers.command import run, settings
from testlib.workers.worker import Worker, worker

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

SOON_S = 30.0


async def do(environment: dict[str, str], *arguments: str) -> str:
    done = await asyncio.to_thread(run, environment, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_a_key_is_blocked_and_unblocked_also_when_enforcers_are_killed(
    bootstrap: str, broker: str, tmp_path: Path
) -> None:
    async with LitellmServer() as litellm, AsyncExitStack() as stack:
        key, other = litellm.add(1, metadata={"team": "acme"}), litellm.add(2)
        shared = settings(
            bootstrap,
            kafka_transactions=broker == "kafka",
            kafka_session_timeout_s=6 if broker == "kafka" else 3,
            decisions_key=KEY,
            decisions_mode="propose",
            enforcer_tokens="t" * 16,
            admin_api="litellm",
            admin_url=f"http://127.0.0.1:{litellm.port}",
            admin_token=TOKEN,
        )
        await do(shared, "topics", "create")

        async def enforcing(name: str) -> Worker:
            environment = shared | {
                "DISTILLWATCH_HTTP_PORT": str(free_port()),
                "DISTILLWATCH_ENFORCER_PORT": str(free_port()),
            }
            folder = tmp_path / name
            folder.mkdir()
            started = stack.enter_context(worker(environment, folder, command="enforcer"))
            await asyncio.to_thread(started.until_ready)
            return started

        def blocked() -> bool:
            return bool(litellm.rows[key]["blocked"])

        pair = [await enforcing("one"), await enforcing("two")]
        made = await do(
            *(shared, "decide", "suspend", "--account", key, "--for", "8h"),
            *("--author", "ana", "--reason", "a test"),
        )
        await until_async(blocked, what="block", within_s=SOON_S)
        assert not litellm.rows[other]["blocked"]
        assert litellm.changed_by[0] == "distillwatch ana"
        for one in pair:
            one.kill()
        await do(shared, "undo", made.split()[0], "--author", "bo", "--reason", "a class")
        assert blocked()
        last = await enforcing("three")
        await until_async(lambda: not blocked(), what="unblocked key", within_s=SOON_S)
        assert litellm.rows[key]["metadata"] == {"team": "acme"}
        name = "distillwatch_enforcer_admin_changes_total"
        assert await asyncio.to_thread(last.total, name, change="undo", result="done") == 1
