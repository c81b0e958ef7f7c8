"""What enforcers write to LiteLLM's keys, taken by LiteLLM's own types and its own code."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from stream.core.decisions import Limits
from testlib.admin_apis import Keeping, LitellmServer
from testlib.workers.gateway import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

pytestmark = [pytest.mark.gateways, pytest.mark.timeout(300)]

#: What LiteLLM keeps in a key's metadata, beside what people put there.
METADATA = {
    "team": "acme",
    "model_rpm_limit": {"large": 3},
    "guardrails": ["pii"],
    "tags": ["production"],
    "logging": [
        {
            "callback_name": "langfuse",
            "callback_type": "success",
            "callback_vars": {"langfuse_public_key": "pk", "langfuse_secret_key": "sk"},
        }
    ],
}


@pytest.fixture(scope="module")
def update(tool: Callable[[str], str]) -> Iterator[Callable[..., dict[str, Any]]]:
    environment = {"LITELLM_SALT_KEY": "sk-of-the-test", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with subprocess.Popen(
        [tool("python"), str(PROGRAMS / "keys_update.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    ) as program:
        written, printed = program.stdin, program.stdout
        assert written
        assert printed

        def updated(row: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
            print(json.dumps({"row": row, "body": body}), file=written, flush=True)
            after: dict[str, Any] = json.loads(printed.readline())
            assert "refused" not in after, after
            return after

        yield updated
        written.close()


@pytest.fixture
async def litellm(update: Callable[..., dict[str, Any]]) -> AsyncIterator[LitellmServer]:
    async with LitellmServer(update) as server:
        yield server


@pytest.mark.parametrize("blocked", [None, False])
async def test_litellm_takes_every_change_and_has_what_it_had_in_the_end(
    litellm: LitellmServer, blocked: object
) -> None:
    keeping = Keeping(api="litellm", url=f"http://127.0.0.1:{litellm.port}")
    key = litellm.add(1, blocked=blocked, rpm_limit=600, tpm_limit=9, metadata=METADATA)
    litellm.rows[key] = before = _stored(litellm, key)
    suspended = keeping.decide(1, key)
    throttled = keeping.decide(2, key, "throttle", limits=Limits(requests_per_minute=7))
    await keeping.settle()
    row = litellm.rows[key]
    assert (row["blocked"], row["rpm_limit"], row["tpm_limit"]) == (True, 7, 9)
    assert row["metadata"].items() > before["metadata"].items()
    keeping.undo(suspended)
    await keeping.settle()
    assert (litellm.rows[key]["blocked"], litellm.rows[key]["rpm_limit"]) == (False, 7)
    keeping.undo(throttled)
    await keeping.settle()
    assert litellm.rows[key] == before | {"blocked": False}
    await keeping.close()


async def test_a_limit_that_was_none_is_none_again(litellm: LitellmServer) -> None:
    keeping = Keeping(api="litellm", url=f"http://127.0.0.1:{litellm.port}")
    key = litellm.add(1)
    decision = keeping.decide(1, key, "throttle")
    await keeping.settle()
    assert litellm.rows[key]["rpm_limit"] == 10
    keeping.undo(decision)
    await keeping.settle()
    assert (litellm.rows[key]["rpm_limit"], litellm.rows[key]["metadata"]) == (None, {})
    await keeping.close()


def _stored(litellm: LitellmServer, key: str) -> dict[str, Any]:
    """Return a key's row as LiteLLM has it after a change of anything: secrets are encrypted."""
    row = litellm.rows[key]
    return litellm.update(row, {"key": key, "metadata": row["metadata"]})


def test_litellm_would_refuse_a_body_that_is_not_its_own(
    update: Callable[..., dict[str, Any]],
) -> None:
    for body in ({"rpm_limit": "many"}, {"requests": 1}, {"metadata": []}, {"blocked": 0}):
        with pytest.raises(AssertionError, match="refused"):
            update({}, {"key": "a" * 64, **body})
