"""What the module for LiteLLM does with requests: to accused accounts, and to nobody else."""

from __future__ import annotations

import importlib.util
import json
import sys

import pytest

import distillwatch_litellm
from distillwatch_litellm import HTTPException
from stream.core.decisions import DecisionSubject, Limits
from testlib.decisions import proposal
from testlib.litellm_module import Proxy, caller

PLAIN = {"model": "large", "messages": [{"role": "user", "content": "hi"}]}


async def test_a_suspended_account_is_refused_and_no_other():
    proxy = Proxy(proposal())
    with pytest.raises(HTTPException) as refused:
        await proxy.call("acc-1")
    assert refused.value.status_code == 403
    assert refused.value.detail["error"]["code"] == "dec_" + "1" * 20
    for other in ("acc-2", "acc-", "ACC-1", "acc-10", "", None):
        assert await proxy.call(other) == PLAIN
    assert proxy.counted == {"dropped suspend": 1}


async def test_it_is_served_again_once_the_decision_has_ended_or_is_undone():
    proxy = Proxy(proposal(lasts_s=60.0))
    proxy.now += 61
    assert await proxy.call("acc-1") == PLAIN
    proxy.now -= 61
    proxy.decide()
    assert await proxy.call("acc-1") == PLAIN


async def test_a_throttled_account_waits_as_long_as_it_is_written():
    proxy = Proxy(proposal(action="throttle", limits=Limits(requests_per_minute=2)))
    assert [await proxy.call("acc-1") for _ in range(2)] == [PLAIN, PLAIN]
    with pytest.raises(HTTPException) as slowed:
        await proxy.call("acc-1")
    assert (slowed.value.status_code, slowed.value.headers["retry-after"]) == (429, "30")
    assert await proxy.call("acc-2") == PLAIN
    proxy.now += 30
    assert await proxy.call("acc-1") == PLAIN
    assert proxy.counted == {"slowed throttle": 1}


async def test_a_throttle_counts_the_id_that_it_is_about():
    team = DecisionSubject(kind="team", id="t-1")
    one = proposal(action="throttle", subject=team, limits=Limits(requests_per_minute=1))
    proxy = Proxy(one)
    hook = proxy.handler.async_pre_call_hook
    await hook(caller("a", team_id="t-1"), None, dict(PLAIN), "acompletion")
    with pytest.raises(HTTPException):
        await hook(caller("b", team_id="t-1"), None, dict(PLAIN), "acompletion")


@pytest.mark.parametrize(
    ("given", "call_type", "expected"),
    [
        ({}, "acompletion", {"max_tokens": 50}),
        ({"max_tokens": 20}, "acompletion", {"max_tokens": 20}),
        ({"max_completion_tokens": 90}, "acompletion", {"max_completion_tokens": 50}),
        ({"max_tokens": "all"}, "acompletion", {"max_tokens": 50}),
        ({"max_tokens": -1}, "acompletion", {"max_tokens": 50}),
        ({"max_tokens": 20, "extra_body": {"max_tokens": 9999, "top_k": 1}}, "acompletion",
         {"max_tokens": 20, "extra_body": {"top_k": 1}}),
        ({"max_output_tokens": 90}, "aresponses", {"max_output_tokens": 50}),
        ({"max_tokens": 90, "thinking": {"budget_tokens": 80}}, "anthropic_messages",
         {"max_tokens": 50}),
        ({"max_tokens": 90}, "aembedding", {"max_tokens": 90}),
    ],
)  # fmt: skip
async def test_answers_become_shorter_where_a_throttle_limits_them(given, call_type, expected):
    limits = Limits(requests_per_minute=100, output_tokens=50)
    proxy = Proxy(proposal(action="throttle", limits=limits))
    assert await proxy.call("acc-1", call_type, **given) == PLAIN | expected
    assert await proxy.call("acc-2", call_type, **given) == PLAIN | given


async def test_a_rerouted_account_gets_another_model_and_no_way_back():
    proxy = Proxy(proposal(action="reroute", limits=Limits(model="tiny")))
    assert (await proxy.call("acc-1", fallbacks=["large"])) == PLAIN | {"model": "tiny"}
    assert (await proxy.call("acc-1", model="tiny"))["model"] == "tiny"
    assert (await proxy.call("acc-1", "aembedding"))["model"] == "large"
    assert proxy.counted == {"changed reroute": 1}


@pytest.mark.parametrize("model", ["large", "tiny"])
@pytest.mark.parametrize(
    "way",
    [
        {"fallbacks": ["large"]},
        {"context_window_fallbacks": [{"tiny": ["large"]}]},
        {"content_policy_fallbacks": [{"tiny": ["large"]}]},
        {"extra_body": {"model": "large", "top_k": 1}},
    ],
)
async def test_a_rerouted_account_names_no_better_model_in_another_place(way, model):
    proxy = Proxy(proposal(action="reroute", limits=Limits(model="tiny")))
    found = await proxy.call("acc-1", **way | {"model": model})
    assert "large" not in json.dumps(found)
    assert found["model"] == "tiny"
    assert await proxy.call("acc-2", **way | {"model": model}) == PLAIN | way | {"model": model}


async def test_a_marked_account_does_not_put_its_own_words_over_the_instruction():
    proxy = Proxy(proposal(action="mark", limits=Limits(instruction="In rhyme.")))
    found = await proxy.call("acc-1", extra_body={"messages": [], "top_k": 1})
    assert found["messages"][0]["content"] == "In rhyme."
    assert found["extra_body"] == {"top_k": 1}


async def test_a_model_that_the_proxy_does_not_have_costs_no_request(monkeypatch):
    monkeypatch.setattr(distillwatch_litellm, "_has_model", lambda model: model != "tiny")
    proxy = Proxy(proposal(action="reroute", limits=Limits(model="tiny")))
    assert await proxy.call("acc-1") == PLAIN
    assert proxy.counted == {}


@pytest.mark.parametrize(
    ("call_type", "given", "name", "expected"),
    [
        ("acompletion", {}, "messages",
         [{"role": "system", "content": "Rhyme."}, {"role": "user", "content": "hi"}]),
        ("aresponses", {}, "instructions", "Rhyme."),
        ("aresponses", {"instructions": "Be brief."}, "instructions", "Be brief.\n\nRhyme."),
        ("anthropic_messages", {"system": "Be brief."}, "system", "Be brief.\n\nRhyme."),
        ("anthropic_messages", {"system": [{"type": "text", "text": "Be brief."}]}, "system",
         [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Rhyme."}]),
    ],
)  # fmt: skip
async def test_a_marked_account_gets_an_instruction(call_type, given, name, expected):
    proxy = Proxy(proposal(action="mark", limits=Limits(instruction="Rhyme.")))
    before = {
        key: list(value) if isinstance(value, list) else value for key, value in given.items()
    }
    assert (await proxy.call("acc-1", call_type, **given))[name] == expected
    assert given == before
    assert proxy.counted == {"changed mark": 1}


async def test_the_log_has_what_the_caller_wrote():
    proxy = Proxy(proposal(action="mark", limits=Limits(instruction="Rhyme.")))
    sent = (await proxy.call("acc-1"))["messages"]
    for account, logged in (("acc-1", PLAIN["messages"]), ("acc-2", sent)):
        log = {"messages": list(sent), "metadata": {"user_api_key_hash": account}}
        await proxy.handler.async_logging_hook(
            {"standard_logging_object": log}, None, "acompletion"
        )
        assert log["messages"] == logged


@pytest.mark.parametrize(
    ("logged", "expected"),
    [
        ([{"role": "system", "content": "Be brief.\n\nRhyme."}, 1],
         [{"role": "system", "content": "Be brief."}, 1]),
        ([{"role": "system", "content": [{"text": "Be brief."}, {"text": "Rhyme."}]}, 1],
         [{"role": "system", "content": [{"text": "Be brief."}]}, 1]),
        ([{"role": "system", "content": [{"text": "Rhyme."}]}, 1], [1]),
        ([{"role": "system", "content": None}, 1], [{"role": "system", "content": None}, 1]),
        ([{"role": "user", "content": "Rhyme."}], [{"role": "user", "content": "Rhyme."}]),
        ([], []),
        ([7], [7]),
    ],
)  # fmt: skip
def test_an_instruction_is_taken_out_of_any_messages_of_the_log(logged, expected):
    assert distillwatch_litellm.unmarked(logged, "Rhyme.") == expected


@pytest.mark.parametrize(
    ("account", "ids"),
    [("user", {"user_id": "acc-1"}), ("team", {"team_id": "acc-1"}),
     ("organization", {"org_id": "acc-1"}), ("end_user", {"end_user_id": "acc-1"})],
)  # fmt: skip
async def test_the_account_is_what_the_log_calls_one(account, ids):
    proxy = Proxy(proposal(), account=account)
    assert await proxy.call("acc-1") == PLAIN
    with pytest.raises(HTTPException):
        await proxy.handler.async_pre_call_hook(caller("k", **ids), None, {}, "acompletion")


async def test_a_session_is_the_alias_that_is_logged():
    proxy = Proxy(proposal())
    session = caller("a-token", is_session_token=True, key_alias="acc-1")
    with pytest.raises(HTTPException):
        await proxy.handler.async_pre_call_hook(session, None, {}, "acompletion")


async def test_what_is_old_is_carried_out_unless_the_operator_prefers_to_refuse():
    proxy = Proxy(proposal())
    assert await proxy.call("acc-2") == PLAIN
    closed = Proxy(proposal(), fail_closed=True)
    with pytest.raises(HTTPException) as refused:
        await closed.call("acc-2")
    assert refused.value.status_code == 503


@pytest.mark.parametrize("data", [None, {}, {"messages": 7}, {"model": {}, "max_tokens": []}])
@pytest.mark.parametrize("action", ["reroute", "mark", "hide_reasoning", "throttle"])
async def test_requests_of_any_shape_pass(action, data):
    proxy = Proxy(proposal(action=action, limits=Limits(output_tokens=5)))
    hook = proxy.handler.async_pre_call_hook
    for call_type in ("acompletion", "aresponses", "anthropic_messages", "call_mcp_tool", None):
        await hook(caller("acc-1"), None, data and dict(data), call_type)


async def test_a_fault_of_its_own_costs_no_request_and_is_counted(monkeypatch, caplog):
    proxy = Proxy(proposal(action="mark"))
    monkeypatch.setattr(distillwatch_litellm, "treatment", None)
    for _ in range(3):
        assert await proxy.call("acc-1") == PLAIN
        assert await proxy.answer("acc-1", {"content": []}) == {"content": []}
        assert await proxy.stream("acc-1", 1, 2) == [1, 2]
    assert await proxy.call("acc-2") == PLAIN
    assert proxy.handler.faults.total == 9
    assert len(caplog.records) == 1


def test_it_loads_as_litellm_loads_it():
    """By its file, which is in no table of modules."""
    spec = importlib.util.spec_from_file_location("loaded", distillwatch_litellm.__file__)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    assert "loaded" not in sys.modules
    spec.loader.exec_module(module)
    assert module.proxy_handler_instance.feed.table.rows == {}
