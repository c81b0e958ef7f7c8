"""Decisions on the page: what it shows, what people do there, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from stream.core.decisions import Actor, DecisionSubject, Reason
from stream.core.effects import EffectReport
from stream.core.secret import Secret
from stream.decisions.signature import EFFECTS, Signer
from stream.decisions.transitions import Stored, applied, approve, refuse, undo
from stream.http.page.decision_lists import MAX_ROWS
from stream.http.page.decision_views import MAX_ACCOUNTS
from testlib.decisions import ALICE, BOB, KEY, NOW_S, held, of_accounts, proposal

if TYPE_CHECKING:
    import aiohttp

    from stream.core.decisions import Decision

ONE = "dec_" + "1" * 20
API = "/page/api/decisions"
FORM = {"decision_id": ONE, "sequence": 1, "author": "ana", "reason": "a class"}


def name(number: int) -> str:
    return f"dec_{number:020x}"


async def get(client: aiohttp.ClientSession, path: str = "") -> Any:
    async with client.get(API + path) as response:
        assert response.status == 200
        return await response.json()


async def post(client: aiohttp.ClientSession, act: str, **changes: Any) -> tuple[int, Any]:
    async with client.post(f"{API}/{act}", json=FORM | changes) as response:
        return response.status, await response.json()


def ids(rows: Any) -> list[str]:
    return [row["decision"]["decision_id"] for row in rows["shown"]]


def ended(number: int, how: Any, time: float) -> Decision:
    waiting = Stored.of(proposal(decision_id=name(number)))
    if how is refuse:
        return refuse(waiting, ALICE, time).decision
    return how(approve(waiting, ALICE, time), BOB, time).decision


async def test_the_oldest_proposal_is_first_and_what_is_in_force_the_latest_first(served, client):
    served.board.have(*(proposal(decision_id=name(i), proposed_at=NOW_S - i) for i in range(3)))
    for number in (5, 6):
        waiting = Stored.of(proposal(decision_id=name(number)))
        served.board.have(approve(waiting, ALICE, NOW_S + number).decision)
    shown = await get(client)
    assert (shown["mode"], shown["stale_since_s"]) == ("propose", None)
    assert ids(shown["waiting"]) == [name(2), name(1), name(0)]
    assert ids(shown["in_force"]) == [name(6), name(5)]
    assert shown["counts"] == {"proposed": 3, "approved": 2}
    async with client.get("/page/api/overview") as response:
        assert (await response.json())["decisions"] == {"waiting": 3, "in_force": 2}


async def test_the_history_has_each_end(served, client):
    served.board.have(ended(1, refuse, NOW_S + 1), ended(2, undo, NOW_S + 2), proposal())
    assert ids(await get(client, "/ended")) == [name(2), name(1)]
    assert ids(await get(client, "/undone")) == [name(2)]
    assert ids(await get(client, "/refused")) == [name(1)]
    assert await get(client, "/expired") == {"shown": [], "total": 0}


async def test_an_incident_has_its_decisions_and_gives_them_its_severity(
    served, client, incident_of
):
    alert = incident_of(7, severity="critical")
    served.history.apply(alert, 0.0)
    about = Reason(alert_id=alert.alert_id, summary="s")
    served.board.have(proposal(), proposal(decision_id=name(1), reason=about))
    found = await get(client, f"/about/{alert.alert_id}")
    assert ids(found) == [name(1)]
    assert found["shown"][0]["severity"] == "critical"
    (other,) = (await get(client, "/about/" + proposal().reason.alert_id))["shown"]
    assert other["severity"] is None


async def test_of_many_accounts_the_first_are_named_and_all_counted(served, client):
    served.board.have(of_accounts(40))
    (row,) = (await get(client))["waiting"]["shown"]
    assert row["accounts"] == 40
    assert row["decision"]["accounts"] == [f"acc-{i:05}" for i in range(MAX_ACCOUNTS)]


async def test_of_many_decisions_some_are_shown_and_all_counted(served, client):
    served.board.have(*(proposal(decision_id=name(i)) for i in range(MAX_ROWS + 5)))
    waiting = (await get(client))["waiting"]
    assert (len(waiting["shown"]), waiting["total"]) == (MAX_ROWS, MAX_ROWS + 5)


async def test_a_person_approves_and_undoes(served, client):
    served.board.have(proposal())
    assert await post(client, "approve") == (200, {"state": "approved", "sequence": 2})
    approved = held(served.board.register, ONE).decision
    assert (approved.approved_by[0].name, approved.note) == ("ana", "a class")
    assert approved.approved_at == NOW_S
    assert await post(client, "undo", sequence=2, reason="ours") == (
        200, {"state": "undone", "sequence": 3},
    )  # fmt: skip
    assert held(served.board.register, ONE).decision.note == "ours"
    assert (await post(client, "undo", sequence=3))[0] == 409


async def test_what_a_decision_did_so_far_is_shown(served, client):
    served.board.have(approve(Stored.of(proposal()), ALICE, NOW_S).decision)
    report = EffectReport(
        decision_id=ONE, enforcer="edge", run="0" * 16, gateway="1", held_at=NOW_S + 1,
        refused_requests=7, first_refused_at=NOW_S + 3,
    )  # fmt: skip
    key, value = report.key.encode(), msgspec.json.encode(report)
    served.board.effects.read(key, value, Signer(Secret(KEY), EFFECTS).sign(key, value))
    (row,) = (await get(client))["in_force"]["shown"]
    assert row["decision"]["applied"] == [{"enforcer": "edge", "at": NOW_S + 1}]
    effect = row["decision"]["effect"]
    assert (effect["refused"], effect["approval_to_refusal_s"]) == (7, 3)


async def test_who_undoes_means_what_is_in_force_even_if_an_enforcer_has_begun_since(
    served, client
):
    approved = approve(Stored.of(proposal()), ALICE, NOW_S)
    served.board.have(approved.decision)
    edge = Actor(kind="enforcer", name="edge")
    served.board.have(applied(approved, edge, NOW_S + 1))
    assert (await post(client, "undo", sequence=2))[0] == 200


async def test_a_person_refuses(served, client):
    served.board.have(proposal())
    assert (await get(client))["waiting"]["total"] == 1
    assert await post(client, "refuse") == (200, {"state": "refused", "sequence": 2})
    assert (await get(client))["waiting"]["total"] == 0


async def test_two_people_are_two(served, client):
    served.board.have(of_accounts(3, people_needed=2))
    assert await post(client, "approve") == (200, {"state": "proposed", "sequence": 2})
    (row,) = (await get(client))["waiting"]["shown"]
    assert (row["needed"], row["decision"]["approved_by"][0]["name"]) == (1, "ana")
    status, answer = await post(client, "approve", sequence=2)
    assert (status, answer["error"]) == (409, f"{ONE}: ana has approved it already")
    assert (await post(client, "approve", sequence=2, author="bo"))[0] == 200
    assert held(served.board.register, ONE).decision.state == "approved"


async def test_who_saw_an_older_state_changes_nothing(served, client):
    waiting = Stored.of(proposal())
    served.board.have(waiting.decision, approve(waiting, ALICE, NOW_S).decision)
    status, answer = await post(client, "refuse")
    assert status == 409
    assert answer["error"] == f"{ONE} has changed: it is approved by alice now"


async def test_who_is_overtaken_while_writing_learns_of_it(served, client):
    waiting = Stored.of(proposal())
    served.board.have(waiting.decision)
    served.board.writer.before = [undo(waiting, BOB, NOW_S)]
    status, answer = await post(client, "approve")
    assert (status, answer["error"]) == (409, f"{ONE} has changed: it is undone by bob now")
    assert held(served.board.register, ONE).decision.state == "undone"


async def test_a_guard_rail_holds_on_the_page_too(served, client):
    served.board.have(of_accounts(51, action="throttle"))
    status, answer = await post(client, "approve")
    assert status == 409
    assert "decisions.max_accounts_a_day" in answer["error"]
    assert held(served.board.register, ONE).decision.state == "proposed"


async def test_without_brokers_nothing_is_reported_as_done(served, client):
    served.board.have(proposal())
    served.board.writer.takes = False
    async with client.post(f"{API}/approve", json=FORM) as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "5")
    assert held(served.board.register, ONE).decision.state == "proposed"
    served.board.read_at_s = NOW_S - 60
    assert (await get(client))["stale_since_s"] == NOW_S - 60
    served.board.read_at_s = 0.0
    async with client.get(API) as response:
        assert response.status == 503


@pytest.mark.parametrize("act", ["approve", "refuse", "undo"])
@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"decision_id": name(9)}, 404),
        ({"decision_id": "dec_1"}, 400),
        ({"sequence": 0}, 400),
        ({"author": " "}, 400),
        ({"author": "a" * 129}, 400),
        ({"reason": "a" * 1001}, 400),
        ({"time": 1}, 400),
        ({"reason": "a" * 9000}, 413),
    ],
)
async def test_what_is_no_change_is_refused(served, client, act, changes, status):
    served.board.have(proposal())
    assert (await post(client, act, **changes))[0] == status
    assert len(served.board.register) == 1
    assert held(served.board.register, ONE).decision.sequence == 1


async def test_an_end_needs_a_reason_and_an_approval_may_have_one(served, client):
    served.board.have(proposal())
    for act in ("refuse", "undo"):
        assert await post(client, act, reason=" ") == (400, {"error": "a reason is needed"})
    assert (await post(client, "approve", reason=""))[0] == 200


async def test_only_json_with_the_token_by_post_changes_a_decision(served, client, stranger):
    served.board.have(proposal())
    async with client.post(f"{API}/approve", data=FORM) as response:
        assert response.status == 415
    async with client.get(f"{API}/approve") as response:
        assert response.status == 405
    for path in ("", "/ended"):
        async with client.post(API + path, json=FORM) as response:
            assert response.status == 405
    for path in ("", "/ended", "/about/inc_1", "/approve", "/refuse", "/undo"):
        async with stranger.get(API + path) as response:
            assert (response.status, await response.json()) == (401, {"error": "unauthorized"})
    async with stranger.post(f"{API}/approve", json=FORM) as response:
        assert response.status == 401
    for path in ("/none", "/ended/x", "/dec_1", "/"):
        async with client.get(API + path) as response:
            assert response.status == (200 if path == "/" else 404)
    assert held(served.board.register, ONE).decision.state == "proposed"


async def test_decisions_are_sent_again_when_one_changes(served, client):
    served.board.have(proposal())
    async with client.get(API) as response:
        same = {"If-None-Match": response.headers["ETag"]}
    async with client.get(API, headers=same) as response:
        assert response.status == 304
    served.board.have(proposal(decision_id=name(2)))
    async with client.get(API, headers=same) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    "hostile", ["</script><script>alert(1)</script>", "\u202eacct", "a\nb", '"}]', "\u2067x" * 60]
)
async def test_hostile_ids_and_words_stay_text(served, client, hostile):
    served.board.have(
        proposal(
            subject=DecisionSubject(kind="account", id=hostile), reason=Reason(summary=hostile)
        ),
        of_accounts(2, decision_id=name(2)),
    )
    async with client.get(API) as response:
        assert response.content_type == "application/json"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        body = await response.text()
    row = json.loads(body)["waiting"]["shown"]
    assert hostile in [one["decision"]["subject"]["id"] for one in row]
    assert (await post(client, "approve", author=hostile[:100], reason=hostile))[0] == 200
    approved = held(served.board.register, ONE)
    assert approved.decision.note == hostile
    assert msgspec.json.decode(approved.value)["subject"]["id"] == hostile
