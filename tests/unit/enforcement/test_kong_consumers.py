"""Decisions on Kong's consumers, over HTTP, against what Kong documents of its admin API."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import msgspec
import pytest

from stream.core.decisions import Limits
from stream.core.secret import Secret
from testlib.admin_apis import Keeping
from testlib.decisions import NOW_S
from testlib.kong_api import KongServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

STOP, SLOW = "request-termination", "rate-limiting"
CONSUMER = str(uuid.UUID(int=1))


@pytest.fixture
async def kong() -> AsyncIterator[KongServer]:
    async with KongServer() as server:
        yield server


@pytest.fixture
async def keeping(kong: KongServer) -> AsyncIterator[Keeping]:
    made = Keeping(api="kong", url=f"http://127.0.0.1:{kong.port}")
    yield made
    await made.close()


async def test_every_request_is_one_that_kong_documents(kong, keeping):
    """What is recorded here was written down from Kong's tests, 03-consumers_routes_spec.lua."""
    kong.add("acc-1")
    decision = keeping.decide(1, "acc-1")
    await keeping.settle()
    plugins = f"/consumers/{CONSUMER}/plugins"
    (plugin,) = kong.plugins
    assert uuid.UUID(plugin).version == 5
    body = {
        "name": STOP,
        "enabled": True,
        "config": {"status_code": 403, "message": "requests of this account are refused"},
        "tags": [
            "distillwatch",
            "distillwatch-set-0",
            f"distillwatch-until-{NOW_S + 86_400:.0f}",
            decision,
        ],
    }
    assert [one[:4] for one in kong.exchanges] == [
        ("GET", "/consumers?custom_id=acc-1", None, 200),
        ("GET", f"{plugins}?size=1000", None, 200),
        ("PUT", f"{plugins}/{plugin}", body, 200),
    ]
    kong.exchanges.clear()
    keeping.undo(decision)
    await keeping.settle()
    assert [one[:4] for one in kong.exchanges][2:] == [
        ("DELETE", f"{plugins}/{plugin}", None, 204),
    ]
    assert kong.plugins == {}


async def test_a_throttle_is_a_rate_a_minute_of_the_consumer(kong, keeping):
    kong.add("acc-1")
    keeping.decide(1, "acc-1", "throttle", limits=Limits(requests_per_minute=7))
    await keeping.settle()
    assert kong.of(CONSUMER)[SLOW]["config"]["minute"] == 7
    assert kong.of(CONSUMER)[SLOW]["config"]["limit_by"] == "consumer"


async def test_exactly_the_consumer_of_the_account_is_changed(kong, keeping):
    kong.add("acc-10", 2)
    kong.add("ACC-1", 3)
    keeping.decide(1, "acc-1")
    await keeping.settle()
    assert kong.plugins == {}
    assert keeping.counted("accounts", standing="unknown") == 1


@pytest.mark.parametrize(
    "account", ["../../plugins", "a&custom_id=b", "a/b?c#d", "a\r\nX-Evil: 1", "%2e%2e", "é", " "]
)
async def test_hostile_ids_are_quoted_and_find_only_themselves(kong, keeping, account):
    kong.add("b", 1)
    kong.add(account, 2)
    keeping.decide(1, account)
    await keeping.settle()
    assert [one["consumer"]["id"] for one in kong.plugins.values()] == [str(uuid.UUID(int=2))]
    assert {path.split("?")[0] for _, path, *_ in kong.exchanges[:2]} == {
        "/consumers",
        f"/consumers/{uuid.UUID(int=2)}/plugins",
    }


async def test_writing_again_changes_nothing_and_two_enforcers_write_the_same(kong, keeping):
    kong.add("acc-1")
    other = Keeping(api="kong", url=f"http://127.0.0.1:{kong.port}")
    decisions = [one.decide(1, "acc-1") for one in (keeping, other)]
    for one in (keeping, other, keeping, other):
        await one.compare()
    assert len(kong.plugins) == 1
    assert sum(method == "PUT" for method, *_ in kong.exchanges) == 1
    keeping.undo(decisions[0])
    other.undo(decisions[0])
    for one in (keeping, other):
        await one.compare()
    assert kong.plugins == {}
    await other.close()


async def test_another_ones_plugin_is_left_alone(kong, keeping):
    kong.add("stopped", 1)
    kong.add("slow", 2)
    kong.add("fast", 3)
    for custom_id, consumer, name, config in (
        ("stopped", 1, STOP, {}),
        ("slow", 2, SLOW, {"minute": 5}),
        ("fast", 3, SLOW, {"minute": 500}),
    ):
        kong.plug(name, str(uuid.UUID(int=consumer)), config=config)
        keeping.decide(consumer, custom_id, "suspend" if name == STOP else "throttle")
    before = msgspec.json.encode(kong.plugins)
    await keeping.settle()
    assert msgspec.json.encode(kong.plugins) == before
    assert keeping.counted("accounts", standing="stricter") == 2
    assert keeping.counted("accounts", standing="occupied") == 1
    for decision in keeping.in_force():
        keeping.undo(decision.key)
    await keeping.compare()
    assert msgspec.json.encode(kong.plugins) == before


@pytest.mark.parametrize("scope", ["route", "service", "consumer_group"])
async def test_plugins_for_some_of_the_requests_do_not_count(kong, keeping, scope):
    kong.add("acc-1")
    kong.plug(STOP, CONSUMER, **{scope: str(uuid.UUID(int=9))})
    keeping.decide(1, "acc-1")
    await keeping.settle()
    assert len(kong.plugins) == 2


@pytest.mark.parametrize("values", [{"enabled": False}, {"config": {"trigger": "x-stop"}}])
async def test_a_plugin_that_stops_nothing_is_no_block(kong, keeping, values):
    kong.add("acc-1")
    kong.plug(STOP, CONSUMER, **values)
    keeping.decide(1, "acc-1")
    await keeping.settle()
    assert keeping.counted("accounts", standing="occupied") == 1


async def test_what_an_administrator_makes_of_our_plugin_is_theirs_after_the_decision(
    kong, keeping
):
    kong.add("acc-1")
    decision = keeping.decide(1, "acc-1", "throttle")
    await keeping.settle()
    (plugin,) = kong.plugins.values()
    plugin["config"]["minute"] = 50
    await keeping.compare()
    (plugin,) = kong.plugins.values()
    assert plugin["config"]["minute"] == 10
    keeping.undo(decision)
    await keeping.settle()
    (plugin,) = kong.plugins.values()
    assert (plugin["config"]["minute"], plugin["tags"]) == (50, [])


async def test_a_plugin_that_an_administrator_disabled_is_on_again_and_then_gone(kong, keeping):
    kong.add("acc-1")
    decision = keeping.decide(1, "acc-1")
    await keeping.settle()
    next(iter(kong.plugins.values()))["enabled"] = False
    await keeping.compare()
    assert kong.of(CONSUMER)[STOP]["enabled"] is True
    keeping.undo(decision)
    await keeping.settle()
    assert kong.plugins == {}


async def test_after_a_crash_marks_of_ended_decisions_are_found_on_all_pages():
    async with KongServer(page=2) as kong:
        keeping = Keeping(api="kong", url=f"http://127.0.0.1:{kong.port}")
        decisions = []
        for number in range(5):
            kong.add(f"acc-{number}", number + 1)
            decisions.append(keeping.decide(number, f"acc-{number}"))
        await keeping.settle()
        for one in decisions[1:]:
            keeping.undo(one)
        keeping.start_again()
        await keeping.compare()
        assert [one["consumer"]["id"] for one in kong.plugins.values()] == [CONSUMER]
        await keeping.close()


async def test_without_a_database_it_says_so(caplog):
    async with KongServer(database=False) as kong:
        kong.add("acc-1")
        keeping = Keeping(api="kong", url=f"http://127.0.0.1:{kong.port}")
        keeping.decide(1, "acc-1")
        await keeping.settle()
        assert keeping.counted("accounts", standing="rejected") == 1
        assert "HTTP 405" in caplog.text
        assert "database" in caplog.text
        await keeping.close()


async def test_the_admin_token_goes_with_every_request(kong, keeping):
    kong.token = "t" * 10
    kong.add("acc-1")
    keeping.decide(1, "acc-1")
    await keeping.settle()
    assert kong.plugins == {}  # it has another token
    keeping.settings = msgspec.structs.replace(keeping.settings, token=Secret("t" * 10))
    keeping.start_again()
    await keeping.settle()
    assert len(kong.plugins) == 1


@pytest.mark.parametrize("answer", [None, [], {"data": 3}, {"data": [{"id": "../x"}]}])
async def test_an_answer_that_is_not_kongs_changes_nothing(kong, keeping, answer, monkeypatch):
    monkeypatch.setattr(kong, "_routed", lambda *_: (200, answer))
    keeping.decide(1, "acc-1")
    await keeping.settle()
    assert len(kong.exchanges) == 1
    assert keeping.counted("accounts", standing="rejected") == 1
