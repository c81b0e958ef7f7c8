"""What the enforcer counts of its own answers, and of what clients of the stream report."""

from __future__ import annotations

import asyncio
import io
import json
import time

import pytest
from prometheus_client import generate_latest

from distillwatch_litellm import DistillwatchHandler, Settings
from stream.core.decisions import DecisionSubject, Limits
from stream.http.enforcer.usage import MOST_CLIENTS, PATH
from testlib import metrics
from testlib.decisions import NOW_S, proposal
from testlib.enforcer import GUARDRAIL, TOKEN, Enforcer

ONE = "dec_" + "1" * 20
TWO = "dec_" + "2" * 20
TOKENS = f"{TOKEN} {'u' * 16}"


def counted(enforcer, *, gateway="1", decision=ONE):
    """Return what the next report of a decision says."""
    reports = {(one.decision_id, one.gateway): one for one in enforcer.tallies.take(1000)}
    enforcer.tallies.put_back(reports.values())
    found = reports.get((decision, gateway))
    return found and (found.refused_requests, found.slowed_requests, found.changed_requests)


def usage_results(enforcer, result):
    text = generate_latest(enforcer.metrics.registry).decode()
    return metrics.total(text, "distillwatch_enforcer_usage_counts_total", result=result)


def item(name="dropped", value=1, decision=ONE, **labels):
    return {
        "name": name,
        "value": value,
        "unit": "request",
        "labels": {"decision": decision, "action": "suspend"} | labels,
    }


def body(*items, at=NOW_S + 10, name="proxy-1"):
    meta = {"window_size_seconds": 10, "utc_now_timestamp": int(at)}
    client = {
        "type": "litellm",
        "name": name,
        "version": "1",
        "metrics": [{"meta": meta, "items": list(items)}],
        "feature_flags": None,
    }
    return {"remediation_components": [client], "log_processors": None}


async def post(enforcer, sent, token=TOKEN):
    return (await enforcer.ask(PATH, {"X-Api-Key": token}, "POST", sent))[0]


async def test_a_refusal_is_counted_for_its_decision_and_gateway():
    async with Enforcer(tokens=TOKENS) as enforcer:
        enforcer.decide(proposal())
        await enforcer.authorize("acc-1")
        await enforcer.authorize("acc-2")
        assert counted(enforcer) == (1, 0, 0)
        enforcer.now += 5
        other = {"X-Api-Key": "u" * 16, "x-account": "acc-1"}
        assert (await enforcer.ask("/authorize", other))[0] == 403
        assert counted(enforcer, gateway="2") == (1, 0, 0)
        assert counted(enforcer) == (1, 0, 0)


async def test_what_passes_a_throttle_and_what_does_not_are_counted_apart():
    async with Enforcer() as enforcer:
        enforcer.decide(
            proposal(action="throttle", limits=Limits(requests_per_minute=2)),
            proposal(decision_id=TWO, action="reroute", limits=Limits(model="tiny")),
        )
        for _ in range(5):
            await enforcer.authorize("acc-1")
        assert counted(enforcer) == (0, 3, 2)
        # Slowed by the throttle, not by the stronger action beside it.
        assert counted(enforcer, decision=TWO) == (0, 0, 2)


async def test_a_refusal_of_stale_decisions_is_no_effect_of_a_decision():
    async with Enforcer(fail_closed=True) as enforcer:
        enforcer.decide(proposal())
        enforcer.feed.age_s = 3600.0
        assert (await enforcer.authorize("acc-1"))[0] == 403
        assert counted(enforcer) is None


async def test_simulated_decisions_are_counted_as_simulated():
    async with Enforcer() as enforcer:
        enforcer.decide(proposal(simulated=True))
        await enforcer.authorize("acc-1")
        reports = [one for one in enforcer.tallies.take(10) if one.gateway]
        assert [(one.simulated, one.simulated_requests, one.requests) for one in reports] == [
            (True, 1, 1)
        ]


async def test_a_guardrail_counts_only_what_it_can_do():
    async with Enforcer(instruction="Answer in rhyme.") as enforcer:
        subject = DecisionSubject(kind="account", id="acc-2")
        enforcer.decide(
            proposal(),
            proposal(decision_id=TWO, action="mark", subject=subject),
            proposal(decision_id="dec_" + "3" * 20, action="reroute", subject=subject),
        )
        for account in ("acc-1", "acc-2"):
            caller = {"texts": ["x"], "request_data": {"user_api_key_hash": account}}
            await enforcer.ask(GUARDRAIL, {"x-api-key": TOKEN}, "POST", caller)
        assert counted(enforcer) == (1, 0, 0)
        assert counted(enforcer, decision=TWO) == (0, 0, 1)
        assert counted(enforcer, decision="dec_" + "3" * 20) is None


async def test_clients_of_the_stream_report_what_they_did():
    async with Enforcer(tokens=TOKENS) as enforcer:
        enforcer.decide(proposal())
        enforcer.now = NOW_S + 11
        sent = body(item(value=3), item("slowed", 2), item("changed", 4.0))
        assert await post(enforcer, sent, token="u" * 16) == 201
        assert counted(enforcer, gateway="2") == (3, 2, 4)
        assert await post(enforcer, body(item(), at=NOW_S + 21), token="u" * 16) == 201
        assert counted(enforcer, gateway="2") == (4, 2, 4)
        assert usage_results(enforcer, "counted") == 4


async def test_a_repeated_or_overtaken_report_counts_nothing():
    async with Enforcer() as enforcer:
        enforcer.decide(proposal())
        for _ in range(2):
            assert await post(enforcer, body(item(value=3), at=NOW_S + 20)) == 201
        assert await post(enforcer, body(item(value=5), at=NOW_S + 15)) == 201
        assert counted(enforcer) == (3, 0, 0)
        assert usage_results(enforcer, "repeated") == 2
        # Another process of the same proxy has a name of its own.
        assert await post(enforcer, body(item(value=5), at=NOW_S + 15, name="proxy-2")) == 201
        assert counted(enforcer) == (8, 0, 0)


async def test_a_report_from_before_the_start_may_have_been_counted_then():
    async with Enforcer() as enforcer:
        enforcer.decide(proposal())
        assert await post(enforcer, body(item(value=3), at=NOW_S - 5)) == 201
        assert counted(enforcer) is None
        assert usage_results(enforcer, "early") == 1


async def test_a_clock_that_is_ahead_does_not_keep_later_reports_out():
    async with Enforcer() as enforcer:
        enforcer.decide(proposal())
        assert await post(enforcer, body(item(value=3), at=NOW_S + 10**6)) == 201
        assert usage_results(enforcer, "invalid") == 1
        assert await post(enforcer, body(item(value=5), at=NOW_S + 15)) == 201
        assert counted(enforcer) == (5, 0, 0)


@pytest.mark.parametrize(
    ("sent", "result"),
    [
        (body(item(decision=TWO)), "unknown"),
        (body(item(decision="x" * 200)), "unknown"),
        (body({"name": "dropped", "value": 1, "unit": "request"}), "ignored"),
        (body({"name": "dropped", "value": 1, "labels": {"origin": "CAPI"}}), "ignored"),
        (body(item("active_decisions", 10)), "ignored"),
        (body(item("refused", 10)), "ignored"),
    ],
)
async def test_what_names_no_decision_of_ours_is_counted_and_ignored(sent, result):
    async with Enforcer() as enforcer:
        enforcer.decide(proposal())
        assert await post(enforcer, sent) == 201
        assert usage_results(enforcer, result) == 1
        assert counted(enforcer) is None


@pytest.mark.parametrize(
    "sent",
    [
        [],
        {"remediation_components": 1},
        body(item(value=-1)),
        body(item(value=1e10)),
        body(item(value="3")),
        body(item("x" * 300)),
        body({"value": 1}),
        body(item(), at=-5),
        {"remediation_components": [{}] * 65},
        body(item(**{str(number): "x" for number in range(40)})),
    ],
)
async def test_a_body_that_is_no_report_is_refused_whole(sent):
    async with Enforcer() as enforcer:
        enforcer.decide(proposal())
        assert await post(enforcer, sent) == 400
        assert enforcer.counted("stream", "invalid") == 1
        assert counted(enforcer) is None


async def test_the_most_items_that_a_report_may_have_are_taken():
    async with Enforcer() as enforcer:
        enforcer.decide(proposal())
        items = [item("dropped", 1, f"dec_{number:020d}") for number in range(20_000)]
        sent = io.BytesIO(json.dumps(body(*items)).encode())
        headers = {"X-Api-Key": TOKEN, "Content-Type": "application/json"}
        async with enforcer.session.post(PATH, headers=headers, data=sent) as answer:
            assert answer.status == 201


async def test_a_body_that_is_too_large_is_refused():
    async with Enforcer() as enforcer:
        large = io.BytesIO(b'{"x": "' + b"y" * 9_000_000 + b'"}')
        async with enforcer.session.post(PATH, headers={"X-Api-Key": TOKEN}, data=large) as answer:
            assert answer.status == 413
        assert enforcer.counted("stream", "invalid") == 1


async def test_an_empty_report_is_taken():
    async with Enforcer() as enforcer:
        for sent in ({}, {"remediation_components": None}, {"remediation_components": [{}]}):
            assert await post(enforcer, sent) == 201


async def test_the_clients_that_are_remembered_are_bounded():
    async with Enforcer() as enforcer:
        enforcer.decide(proposal())
        enforcer.now = NOW_S + 20
        many = [body(item(), name=f"proxy-{number}") for number in range(MOST_CLIENTS + 10)]
        for start in range(0, len(many), 64):
            clients = [one["remediation_components"][0] for one in many[start : start + 64]]
            assert await post(enforcer, {"remediation_components": clients}) == 201
        assert counted(enforcer) == (MOST_CLIENTS + 10, 0, 0)
        # The last ones are remembered, the first ones are not.
        assert await post(enforcer, many[-1]) == 201
        assert counted(enforcer) == (MOST_CLIENTS + 10, 0, 0)
        assert await post(enforcer, many[0]) == 201
        assert counted(enforcer) == (MOST_CLIENTS + 11, 0, 0)


async def test_the_module_for_litellm_pulls_carries_out_and_reports(monkeypatch):
    monkeypatch.setenv("DISTILLWATCH_ENFORCER_TOKEN", TOKEN)
    async with Enforcer() as enforcer:
        enforcer.decide(proposal())
        clock = [1000.0]
        url = f"http://127.0.0.1:{enforcer.server.port}"
        feed = DistillwatchHandler(Settings(url=url), clock=lambda: clock[0]).feed
        assert await asyncio.to_thread(feed.pull)
        ((row,),) = feed.table.rows.values()
        enforcer.now = time.time()
        for reports in (1, 2):
            feed.count(row, "dropped")
            feed.count(row, "dropped")
            clock[0] += 11
            assert await asyncio.to_thread(feed.report)
            assert counted(enforcer) == (2 * reports, 0, 0)
            monkeypatch.setattr(time, "time", lambda: enforcer.now + 11)
