"""The enforcer's answers over HTTP, from decisions in memory."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any
from unittest.mock import Mock

import msgspec
import pytest

from stream.core.decisions import DecisionSubject, Limits
from stream.core.errors import SettingsError
from stream.decisions.treatment import TreatmentDefaults
from stream.http.enforcer.crowdsec import MAX_CLIENTS, LapiFeed
from stream.http.enforcer.enforcer_server import EnforcerServer
from stream.http.enforcer.settings import EnforcerSettings
from testlib.decisions import NOW_S, of_accounts, proposal
from testlib.enforcer import GUARDRAIL, TOKEN, Enforcer

ANY: Any = None


async def test_a_suspended_account_is_refused_and_no_other():
    async with Enforcer() as enforcer:
        enforcer.decide(of_accounts(2))
        status, headers, body = await enforcer.authorize("acc-00001")
        assert status == 403
        assert headers["x-distillwatch-tier"] == "suspend"
        assert msgspec.json.decode(body)["error"]["code"] == "dec_" + "1" * 20
        for other in ("acc-00002", "acc-0000", "ACC-00001", "acc-000010"):
            status, headers, _ = await enforcer.authorize(other)
            assert (status, "x-distillwatch-tier" in headers) == (200, False)
        assert enforcer.counted("authorize", "refused") == 1


@pytest.mark.parametrize(
    ("path", "status"),
    [("/authorize", 429), ("/authorize/v1/x", 429), ("/authorize/nginx/v1/x", 403)],
)
async def test_a_throttled_account_waits_in_the_dialect_of_the_gateway(path, status):
    async with Enforcer() as enforcer:
        enforcer.decide(proposal(action="throttle", limits=Limits(requests_per_minute=2)))
        assert [(await enforcer.authorize("acc-1", path))[0] for _ in range(2)] == [200, 200]
        found, headers, _ = await enforcer.authorize("acc-1", path)
        assert (found, headers["Retry-After"]) == (status, "30")
        assert headers.get("x-distillwatch-status") == ("429" if status == 403 else None)
        enforcer.now += 30
        assert (await enforcer.authorize("acc-1", path))[0] == 200
        assert (await enforcer.authorize("acc-2", path))[0] == 200


async def test_a_throttle_counts_the_id_that_it_is_about_and_not_one_that_a_caller_changes():
    async with Enforcer() as enforcer:
        enforcer.decide(proposal(action="throttle", limits=Limits(requests_per_minute=1)))
        statuses = [
            (await enforcer.ask("/authorize", {"x-account": "acc-1", "x-user": f"u{n}"}))[0]
            for n in range(3)
        ]
        assert statuses == [200, 429, 429]


async def test_a_rerouted_account_passes_with_the_model_that_a_route_takes():
    async with Enforcer(model="small") as enforcer:
        enforcer.decide(proposal(action="reroute"))
        status, headers, _ = await enforcer.authorize("acc-1")
        assert (status, headers["x-distillwatch-model"]) == (200, "small")
        # Forged ones do not pass Envoy.
        absent = headers["x-envoy-auth-headers-to-remove"].split(",")
        assert absent == ["x-distillwatch-hide-reasoning"]
        passed = (await enforcer.authorize("acc-2"))[1]
        assert len(passed["x-envoy-auth-headers-to-remove"].split(",")) == 4


async def test_the_strictest_of_an_account_and_its_team_counts():
    async with Enforcer() as enforcer:
        team = DecisionSubject(kind="team", id="t-1")
        enforcer.decide(
            proposal(action="watch"), proposal(decision_id="dec_" + "2" * 20, subject=team)
        )
        given = {"x-account": "acc-1", "x-team": "t-1"}
        assert (await enforcer.ask("/authorize", given))[0] == 403
        assert (await enforcer.ask("/authorize", {"x-account": "acc-1"}))[0] == 200


async def test_observing_counts_and_refuses_no_one():
    enforcer = Enforcer()
    enforcer.observing = True
    async with enforcer:
        enforcer.decide(proposal())
        status, headers, _ = await enforcer.authorize("acc-1")
        assert status == 200
        assert "x-distillwatch-tier" not in headers
        assert enforcer.counted("authorize", "simulated") == 1


async def test_a_request_without_an_id_passes_and_is_counted():
    async with Enforcer() as enforcer:
        enforcer.decide(proposal())
        for given in ({}, {"x-account": "a" * 257}):
            status, headers, _ = await enforcer.ask("/authorize", given)
            assert status == 200
            assert "x-distillwatch-model" in headers["x-envoy-auth-headers-to-remove"]
        assert enforcer.counted("authorize", "invalid") == 2


async def test_stale_decisions_are_carried_out_unless_the_operator_prefers_to_refuse():
    async with Enforcer() as enforcer:
        enforcer.decide(proposal())
        enforcer.feed.age_s = 3600.0
        assert (await enforcer.authorize("acc-1"))[0] == 403
        assert (await enforcer.authorize("acc-2"))[0] == 200
    async with Enforcer(fail_closed=True) as enforcer:
        enforcer.feed.age_s = 61.0
        assert (await enforcer.authorize("acc-2"))[0] == 403
        enforcer.feed.age_s = 59.0
        assert (await enforcer.authorize("acc-2"))[0] == 200


@pytest.mark.parametrize(
    "path",
    ["/authorize", "/v1/decisions", "/v1/decisions/stream", "/v1/usage-metrics", GUARDRAIL],
)
async def test_every_endpoint_needs_a_token(path):
    async with Enforcer() as enforcer:
        for headers in ({"Authorization": ""}, {"X-Api-Key": "x" * 16}):
            assert (await enforcer.ask(path, headers, "POST", {}))[0] == 401
        assert (await enforcer.ask("/nosuch"))[0] == 404
    with pytest.raises(SettingsError, match=r"enforcer\.tokens"):
        EnforcerServer(EnforcerSettings(), feed=ANY, carrying_out=ANY, tallies=ANY, metrics=ANY)


async def test_the_stream_has_everything_first_and_then_what_changed():
    async with Enforcer() as enforcer:
        enforcer.decide(of_accounts(2))
        pull = enforcer.pull
        first = await pull("?startup=true")
        assert [one["value"] for one in first["new"]] == ["acc-00000", "acc-00001"]
        assert first["deleted"] is None
        one = first["new"][0]
        assert (one["type"], one["scope"], one["origin"]) == ("ban", "username", "distillwatch")
        assert one["duration"] == "23h59m59s"
        assert one["id"] < 2**53
        assert await pull() == {"new": None, "deleted": None}
        enforcer.decide(of_accounts(2), allow=("acc-00000",))
        changed = await pull()
        assert changed["new"] is None
        assert [one["value"] for one in changed["deleted"]] == ["acc-00000"]
        assert [one["value"] for one in (await pull("?startup=true"))["new"]] == ["acc-00001"]
        for scopes in ("team", "ip,range"):
            assert (await pull(f"?startup=true&scopes={scopes}"))["new"] is None
        enforcer.now += 2 * 86_400
        ended = await pull("?startup=true")
        assert ended == {"new": None, "deleted": None}


async def test_a_client_that_keeps_one_decision_for_each_value_has_the_strongest():
    """As pycrowdsec does it: deleted ones first, then new ones, the last of a value stays."""
    known = {}

    async with Enforcer() as enforcer:

        async def pull(query=""):
            body = (await enforcer.ask(f"/v1/decisions/stream{query}"))[2]
            changed = msgspec.json.decode(body)
            for one in changed["deleted"] or ():
                known.pop(one["value"], None)
            known.update({one["value"]: one["type"] for one in changed["new"] or ()})
            return len(changed["new"] or ())

        mild = proposal(decision_id="dec_" + "2" * 20, action="throttle")
        enforcer.decide(proposal())
        await pull("?startup=true")
        enforcer.decide(proposal(), mild)
        await pull()
        assert known == {"acc-1": "ban"}
        enforcer.decide(proposal(), mild, of_accounts(1, decision_id="dec_" + "3" * 20))
        assert await pull() == 1
        enforcer.decide(proposal(), of_accounts(1, decision_id="dec_" + "3" * 20))
        await pull()
        assert known == {"acc-1": "ban", "acc-00000": "ban"}
        enforcer.decide(mild)
        await pull()
        assert known == {"acc-1": "throttle"}
        assert await pull() == 0


async def test_a_row_of_the_stream_has_what_carrying_it_out_takes():
    async with Enforcer(requests_per_minute=7, model="small") as enforcer:
        made: Any = {
            "throttle": {"output_tokens": 500},
            "reroute": {},
            "mark": {"instruction": "Rhyme."},
            "suspend": {},
        }
        enforcer.decide(
            *(
                proposal(decision_id=f"dec_{number:020d}", action=action, limits=Limits(**limits))
                for number, (action, limits) in enumerate(made.items())
            )
        )
        rows = (await enforcer.pull("?startup=true"))["new"]
        made["throttle"] |= {"requests_per_minute": 7}
        made["reroute"] |= {"model": "small"}
        assert {row["distillwatch"]["action"]: row["distillwatch"] for row in rows} == {
            action: limits
            | {"decision": f"dec_{number:020d}", "action": action, "until": NOW_S + 86_400}
            for number, (action, limits) in enumerate(made.items())
        }


async def test_processes_that_share_a_token_get_changes_each():
    async with Enforcer() as enforcer:
        for name in ("one", "two"):
            assert await enforcer.pull("?startup=true", name) == {"new": None, "deleted": None}
        enforcer.decide(proposal())
        for name in ("one", "two"):
            assert len((await enforcer.pull("", name))["new"]) == 1
            assert enforcer.headers["x-distillwatch-whole"] == "0"
        # A client that is not known, after a restart of the enforcer or among too many others.
        assert len((await enforcer.pull("", "three"))["new"]) == 1
        assert enforcer.headers["x-distillwatch-whole"] == "1"
        for number in range(MAX_CLIENTS):
            await enforcer.pull("", str(number))
        assert len((await enforcer.pull("", "one"))["new"]) == 1
        assert enforcer.headers["x-distillwatch-whole"] == "1"


async def test_gateways_with_a_bearer_token_each_get_their_own_changes():
    other = "o" * 16
    async with Enforcer(tokens=f"{TOKEN} {other}") as enforcer:
        path = "/v1/decisions/stream"
        for token in (TOKEN, other):
            await enforcer.ask(f"{path}?startup=true", {"Authorization": f"Bearer {token}"})
        enforcer.decide(proposal())
        for token in (TOKEN, other):
            answer = (await enforcer.ask(path, {"Authorization": f"Bearer {token}"}))[2]
            assert [one["value"] for one in msgspec.json.decode(answer)["new"]] == ["acc-1"]


async def test_looking_one_value_up_costs_the_same_among_many():
    enforcer = Enforcer()
    enforcer.decide(of_accounts(3), two_people_above=10)
    feed = LapiFeed(TreatmentDefaults(requests_per_minute=1, model="", instruction=""))
    table = enforcer.feed.in_force
    walked = MappingProxyType(table.by_subject)
    only_looked_up = Mock(wraps=walked, spec=["get", "__getitem__", "__contains__"])
    only_looked_up.__getitem__ = lambda _, name: walked[name]
    only_looked_up.__contains__ = lambda _, name: name in walked
    table = replace(table, by_subject=only_looked_up)
    (found,) = feed.about(table, "username", "acc-00001", NOW_S)
    assert found.value == "acc-00001"
    assert feed.about(table, "", "", NOW_S) == feed.about(table, "ip", "acc-00001", NOW_S) == []


async def test_a_request_without_texts_or_a_caller_is_none_that_litellm_has_to_refuse():
    async with Enforcer() as enforcer:
        enforcer.decide(proposal())
        for body in ({"texts": None}, {"texts": None, "request_data": None}):
            status, _, answer = await enforcer.ask(GUARDRAIL, {}, "POST", body)
            assert (status, msgspec.json.decode(answer)) == (200, {"action": "NONE"})


async def test_the_stream_has_nothing_while_observing():
    enforcer = Enforcer()
    enforcer.observing = True
    async with enforcer:
        enforcer.decide(proposal())
        assert await enforcer.pull("?startup=true") == {"new": None, "deleted": None}


async def test_the_stream_lifts_nothing_before_decisions_are_read():
    async with Enforcer() as enforcer:
        enforcer.feed.age_s = float("inf")
        assert (await enforcer.ask("/v1/decisions/stream?startup=true"))[0] == 503
        enforcer.feed.age_s = 7.0
        await enforcer.pull()
        assert enforcer.headers["x-distillwatch-age"] == "7.0"


async def test_one_value_is_looked_up():
    async with Enforcer() as enforcer:
        enforcer.decide(of_accounts(2))
        found = (await enforcer.ask("/v1/decisions?scope=username&value=acc-00001"))[2]
        assert [one["value"] for one in msgspec.json.decode(found)] == ["acc-00001"]
        assert (await enforcer.ask("/v1/decisions?scope=username&value=acc-1"))[2] == b"null"
        assert (await enforcer.ask("/v1/usage-metrics", method="POST", body={}))[0] == 201


async def test_a_simulated_decision_is_shown_to_those_who_look_for_it_and_passes_every_request():
    async with Enforcer() as enforcer:
        enforcer.decide(of_accounts(2, simulated=True, drill=True))
        path = "/v1/decisions?scope=username&value=acc-00001"
        (one,) = msgspec.json.decode((await enforcer.ask(f"{path}&simulated=true"))[2])
        assert (one["value"], one["type"], one["simulated"]) == ("acc-00001", "ban", True)
        assert (await enforcer.ask(f"{path}&simulated=false"))[2] == b"null"
        assert (await enforcer.ask(path))[2] == b"null"
        stream = (await enforcer.ask("/v1/decisions/stream?startup=true&simulated=true"))[2]
        assert msgspec.json.decode(stream)["new"] is None
        assert (await enforcer.authorize("acc-00001"))[0] == 200


async def test_litellm_is_answered_by_its_guardrail_api():
    async with Enforcer(instruction="Answer in rhyme.") as enforcer:
        enforcer.decide(
            proposal(),
            proposal(
                decision_id="dec_" + "2" * 20,
                action="mark",
                subject=DecisionSubject(kind="team", id="t-1"),
            ),
        )

        async def guard(**caller):
            body = {
                "input_type": caller.pop("input_type", "request"),
                "texts": ["one", "two"],
                "request_data": caller,
                "of_tomorrow": {},
            }
            _, _, answer = await enforcer.ask(GUARDRAIL, {"x-api-key": TOKEN}, "POST", body)
            return msgspec.json.decode(answer)

        assert (await guard(user_api_key_hash="acc-1"))["action"] == "BLOCKED"
        assert await guard(user_api_key_hash="acc-2") == {"action": "NONE"}
        assert await guard(user_api_key_hash="acc-1", input_type="response") == {"action": "NONE"}
        assert await guard(user_api_key_team_id="t-1") == {
            "action": "GUARDRAIL_INTERVENED",
            "texts": ["one", "two\n\nAnswer in rhyme."],
        }
        status, _, _ = await enforcer.ask(GUARDRAIL, {"x-api-key": TOKEN}, "POST", {"texts": 1})
        assert status == 400
