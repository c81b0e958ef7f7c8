"""What callers and gateways may send to an enforcer, and what people may write into a decision."""

from __future__ import annotations

import asyncio
import json
from io import BytesIO

import pytest

from stream.core.decisions import DecisionSubject, Limits
from stream.http.enforcer.guardrail import PATH as GUARDRAIL
from testlib.decisions import proposal
from testlib.enforcer import AUTHORIZED, TOKEN, Enforcer
from testlib.until import until_async

HOSTILE = "m\u00fcller \u20ac \U0001f600"
#: More than the buffers of both ends hold.
FLOOD = 50_000


def about(account, **changes):
    return proposal(subject=DecisionSubject(kind="account", id=account), **changes)


async def status(enforcer, *lines, method="GET", path="/authorize"):
    """Return the status of a request that is sent as it stands."""
    reader, writer = await asyncio.open_connection("127.0.0.1", enforcer.server.port)
    head = [f"{method} {path} HTTP/1.1".encode(), b"Host: e", f"X-Api-Key: {TOKEN}".encode()]
    writer.write(b"\r\n".join([*head, *lines, b"", b""]))
    found = await reader.readuntil(b"\r\n")
    writer.close()
    return int(found.split()[1])


@pytest.mark.parametrize(
    "account", [HOSTILE, "a" * 256, "acc%2D1", "acc-1, acc-2", "'; --", "../x"]
)
async def test_an_id_is_compared_byte_by_byte_whatever_it_is(account):
    async with Enforcer() as enforcer:
        enforcer.decide(about(account))
        named = b"x-account: " + account.encode()
        assert await status(enforcer, named) == 403
        assert await status(enforcer, named[:-1]) == 200
        assert await status(enforcer, b"x-account: acc-1") == 200


async def test_bytes_that_are_no_text_are_nobodys_id():
    async with Enforcer() as enforcer:
        enforcer.decide(about(HOSTILE))
        for given in (HOSTILE.encode("utf-16"), b"\xff\xfe", b"m\xfcller", b"\x01"):
            assert await status(enforcer, b"x-account: " + given.strip()) in {200, 400}
        assert await status(enforcer, b"x-account: " + HOSTILE.encode()) == 403


async def test_an_id_with_a_line_break_is_the_part_before_it():
    async with Enforcer() as enforcer:
        enforcer.decide(about("acc-1"))
        assert await status(enforcer, b"x-account: acc-1\r\nx-account: benign") == 403
        assert await status(enforcer, b"x-account: benign\r\nx-distillwatch-tier: suspend") == 200


async def test_a_decision_adds_no_header_of_its_own():
    async with Enforcer() as enforcer:
        limits = Limits(model="small\r\nx-distillwatch-tier: none")
        enforcer.decide(proposal(action="reroute", limits=limits))
        found, headers, _ = await enforcer.authorize("acc-1")
        assert (found, headers["x-distillwatch-tier"]) == (200, "reroute")
        assert "x-distillwatch-model" in headers["x-envoy-auth-headers-to-remove"]


async def test_long_tokens_and_addresses_of_benign_callers_pass():
    async with Enforcer() as enforcer:
        token = b"Authorization: Bearer " + b"j" * 30_000
        path = "/authorize/v1?" + "q" * 30_000
        assert await status(enforcer, token, b"x-account: benign", path=path) == 200
        assert await status(enforcer, b"x-account: " + b"a" * 100_000) == 400


async def test_a_caller_that_only_looks_at_heads_is_answered_without_a_body():
    async with Enforcer() as enforcer:
        enforcer.decide(about("acc-1"))
        assert await status(enforcer, b"x-account: acc-1", method="HEAD") == 403
        assert await status(enforcer, b"x-account: benign", method="OPTIONS") == 200


async def test_a_client_that_never_reads_delays_no_other_and_is_not_read_without_end():
    async with Enforcer() as enforcer:
        enforcer.decide(about("acc-1"))
        _, writer = await asyncio.open_connection("127.0.0.1", enforcer.server.port)
        request = f"GET /authorize HTTP/1.1\r\nHost: e\r\nX-Api-Key: {TOKEN}\r\n"
        writer.write(f"{request}x-account: acc-1\r\n\r\n".encode() * FLOOD)
        answered = [0.0]

        async def stuck():
            answered.append(enforcer.counted("authorize", "refused"))
            return answered[-1] == answered[-2] > 0

        await until_async(stuck, what="end of answers")
        assert answered[-1] < FLOOD
        assert await asyncio.wait_for(status(enforcer, b"x-account: benign"), 1) == 200
        writer.transport.abort()


async def test_a_long_prompt_is_read_and_one_without_end_is_not():
    async with Enforcer() as enforcer:
        enforcer.decide(about("acc-1"))
        caller = {"user_api_key_hash": "acc-1"}
        for size, expected in ((4_000_000, 200), (34_000_000, 413)):
            body = BytesIO(json.dumps({"texts": ["x" * size], "request_data": caller}).encode())
            post = enforcer.session.post(GUARDRAIL, data=body, headers=AUTHORIZED)
            async with post as answer:
                blocked = b"BLOCKED" in await answer.read()
                assert (answer.status, blocked) == (expected, expected == 200)
        assert enforcer.counted("guardrail", "invalid") == 1
