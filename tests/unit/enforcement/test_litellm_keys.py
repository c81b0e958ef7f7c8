"""Decisions on LiteLLM's keys, over HTTP."""

from __future__ import annotations

import logging
from random import Random
from typing import TYPE_CHECKING

import msgspec
import pytest

from stream.core.decisions import Actor, Limits
from stream.core.errors import SettingsError
from stream.core.secret import Secret
from stream.decisions.settings import DecisionSettings
from stream.enforcement.admin.admin_client import MAX_ANSWER
from stream.enforcement.admin.admin_loops import AdminLoops
from stream.enforcement.admin.gateways import gateway_of
from stream.enforcement.admin.litellm_keys import OURS
from stream.enforcement.admin.settings import AdminSettings
from testlib.admin_apis import TOKEN, Keeping, LitellmServer, key_hash
from testlib.decisions import KEY, NOW_S
from testlib.until import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ACME = {"team": "acme", "logging": [{"callback_name": "langfuse"}], "model_rpm_limit": {"a": 3}}


@pytest.fixture
async def litellm() -> AsyncIterator[LitellmServer]:
    async with LitellmServer() as server:
        yield server


@pytest.fixture
async def keeping(litellm: LitellmServer) -> AsyncIterator[Keeping]:
    made = Keeping(api="litellm", url=f"http://127.0.0.1:{litellm.port}")
    yield made
    await made.close()


async def test_a_suspension_blocks_exactly_its_key_and_its_end_unblocks_it(litellm, keeping):
    key, other = litellm.add(1, metadata=ACME), litellm.add(2)
    decision = keeping.decide(1, key)
    await keeping.settle()
    assert litellm.rows[key]["blocked"] is True
    assert litellm.rows[key]["metadata"].items() > ACME.items()
    assert litellm.rows[other]["blocked"] is None
    assert litellm.changed_by == ["distillwatch alice"]
    assert keeping.counted("changes_total", change="apply", result="done") == 1
    assert keeping.counted("accounts", standing="applied") == 1
    keeping.undo(decision)
    await keeping.settle()
    assert litellm.rows[key] == {
        "blocked": False, "rpm_limit": None, "metadata": ACME, "key_alias": "key 1",
    }  # fmt: skip
    assert litellm.changed_by == ["distillwatch alice", "distillwatch bob"]
    assert keeping.counted("accounts", standing="applied") == 0


@pytest.mark.parametrize("before", [None, 600, 20])
async def test_a_throttle_limits_and_the_old_limit_comes_back(litellm, keeping, before):
    key = litellm.add(1, rpm_limit=before)
    decision = keeping.decide(1, key, "throttle", limits=Limits(requests_per_minute=12))
    await keeping.settle()
    assert litellm.rows[key]["rpm_limit"] == 12
    keeping.undo(decision)
    await keeping.settle()
    assert (litellm.rows[key]["rpm_limit"], litellm.rows[key]["metadata"]) == (before, {})


async def test_a_key_that_was_blocked_or_limited_more_stays_so(litellm, keeping):
    blocked, limited = litellm.add(1, blocked=True), litellm.add(2, rpm_limit=3)
    decisions = [keeping.decide(1, blocked), keeping.decide(2, limited, "throttle")]
    await keeping.settle()
    assert keeping.counted("accounts", standing="stricter") == 2
    for one in decisions:
        keeping.undo(one)
    await keeping.settle()
    assert litellm.rows[blocked]["blocked"] is True
    assert litellm.rows[limited]["rpm_limit"] == 3
    assert all(method == "GET" for method, _, _ in litellm.calls)


async def test_what_an_administrator_sets_meanwhile_counts_after_the_decision(litellm, keeping):
    key = litellm.add(1, rpm_limit=600)
    decision = keeping.decide(1, key, "throttle")
    await keeping.settle()
    litellm.rows[key]["rpm_limit"] = 90
    await keeping.compare()
    assert litellm.rows[key]["rpm_limit"] == 10  # the decision holds as long as it lasts
    keeping.undo(decision)
    await keeping.settle()
    assert litellm.rows[key]["rpm_limit"] == 90


async def test_an_undo_overwrites_no_value_of_an_administrator(litellm, keeping):
    key = litellm.add(1, rpm_limit=600)
    decision = keeping.decide(1, key, "throttle")
    await keeping.settle()
    litellm.rows[key]["rpm_limit"] = 90
    keeping.undo(decision)
    await keeping.settle()
    assert (litellm.rows[key]["rpm_limit"], litellm.rows[key]["metadata"]) == (90, {})


async def test_after_a_crash_what_has_ended_is_found_by_its_mark_at_the_gateway(litellm, keeping):
    keys = [litellm.add(number) for number in range(250)]  # three pages
    decisions = [keeping.decide(n, keys[n]) for n in (0, 120, 249)]
    await keeping.settle()
    for one in decisions[1:]:
        keeping.undo(one)
    keeping.start_again()  # it has seen none of these ends
    await keeping.compare()
    assert [name for name in keys if litellm.rows[name]["blocked"]] == [keys[0]]


async def test_marks_of_decisions_that_are_not_known_stay_until_their_time(litellm, keeping):
    key = litellm.add(1)
    keeping.decide(1, key)
    await keeping.settle()
    other = Keeping(api="litellm", url=f"http://127.0.0.1:{litellm.port}")  # another deployment
    await other.compare()
    assert litellm.rows[key]["blocked"] is True
    other.now = NOW_S + 2 * 86_400
    other.start_again()
    await other.compare()
    assert litellm.rows[key]["blocked"] is False
    await other.close()


async def test_a_key_that_is_made_again_stays_blocked_while_its_decision_lasts(litellm, keeping):
    key = litellm.add(1)
    decision = keeping.decide(1, key)
    await keeping.settle()
    renewed = key_hash(77)
    litellm.rows[renewed] = litellm.rows.pop(key)
    await keeping.compare()
    assert litellm.rows[renewed]["blocked"] is True
    keeping.undo(decision)
    await keeping.compare()
    assert litellm.rows[renewed]["blocked"] is False
    assert keeping.counted("accounts", standing="unknown") == 0


async def test_nothing_is_touched_before_the_decisions_are_read(litellm, keeping):
    key = litellm.add(1)
    keeping.decide(1, key)
    await keeping.settle()
    keeping.start_again()
    keeping.feed.read_at_s, in_force = 0.0, keeping.feed.in_force
    keeping.feed.in_force = type(in_force)({}, frozenset(), 0.0)
    await keeping.settle()
    assert litellm.rows[key]["blocked"] is True


@pytest.mark.parametrize("observing", [True, False])
async def test_what_is_simulated_or_observed_is_not_carried_out(litellm, keeping, observing):
    key, held = litellm.add(1), litellm.add(2)
    keeping.decide(2, held)
    await keeping.settle()
    keeping.observing = observing
    keeping.start_again()
    keeping.decide(1, key, simulated=not observing)
    await keeping.compare()
    assert litellm.rows[key]["blocked"] is None
    assert bool(litellm.rows[held]["blocked"]) is not observing


async def test_the_allow_list_lifts_what_is_in_force(litellm, keeping):
    key = litellm.add(1)
    keeping.decide(1, key)
    await keeping.settle()
    keeping.allow = (key,)
    keeping.renew()
    keeping.start_again()
    await keeping.compare()
    assert litellm.rows[key]["blocked"] is False


async def test_it_ends_at_its_time_without_brokers(litellm, keeping):
    key = litellm.add(1)
    keeping.decide(1, key)
    await keeping.settle()
    keeping.now = NOW_S + 86_401  # the table of decisions is not made again
    await keeping.settle()
    assert litellm.rows[key]["blocked"] is False


async def test_an_unknown_account_is_counted_and_not_tried_again(litellm, keeping):
    keeping.decide(1, key_hash(5))
    await keeping.settle()
    await keeping.later()
    assert len(litellm.calls) == 1
    assert keeping.counted("changes_total", change="apply", result="unknown") == 1
    assert keeping.counted("accounts", standing="unknown") == 1
    assert keeping.counted("accounts", standing="pending") == 0


@pytest.mark.parametrize(
    "account",
    ["../key/delete", "x?key=y", "a" * 64 + "\r\nX-Evil: 1", "sk-raw-key", "A" * 64, "%2e%2e", "é"],
)
async def test_no_id_but_a_hash_is_sent(litellm, keeping, account):
    keeping.decide(1, account)
    await keeping.settle()
    assert litellm.calls == []
    assert keeping.counted("accounts", standing="unknown") == 1


async def test_names_of_people_are_no_headers_of_their_own(litellm, keeping):
    key = litellm.add(1)
    decision = keeping.decide(1, key)
    known = keeping.register.get(decision).decision
    evil = Actor(kind="person", name="mallory\r\nX-Evil: 1 \u2028é")
    changed = msgspec.structs.replace(known, approved_by=[evil])
    keeping.feed.in_force.by_subject["account", key] = (changed,)
    await keeping.settle()
    assert litellm.changed_by == ["distillwatch mallory??X-Evil: 1 ??"]


async def test_only_the_account_kind_counts_and_the_rest_is_named(litellm, keeping):
    key = litellm.add(1)
    keeping.decide(1, key, kind="user")
    keeping.decide(2, key, "hide_reasoning")
    keeping.decide(3, litellm.add(2), "watch")
    keeping.decide(4, litellm.add(3), "throttle", limits=Limits(output_tokens=100))
    await keeping.settle()
    assert litellm.rows[key]["blocked"] is None
    assert litellm.rows[key_hash(3)]["rpm_limit"] == 10
    assert keeping.counted("unsupported_accounts") == 3


@pytest.mark.parametrize("status", [500, 503, 429, 401, 403])
async def test_a_gateway_that_is_down_is_tried_again(litellm, keeping, caplog, status):
    key = litellm.add(1)
    litellm.broken = [status] * 3
    keeping.decide(1, key)
    with caplog.at_level(logging.INFO):
        await keeping.settle()
        keeping.passed += 0.0
        assert keeping.counted("accounts", standing="pending") == 1
        for _ in range(3):
            await keeping.later()
    assert litellm.rows[key]["blocked"] is True
    assert keeping.counted("changes_total", change="apply", result="unavailable") == 3
    assert keeping.counted("oldest_seconds") == 0
    assert [one.levelname for one in caplog.records] == ["WARNING", "INFO"]  # not one each time
    assert TOKEN not in caplog.text
    assert key not in caplog.text


async def test_the_age_of_what_waits_is_shown(litellm, keeping):
    litellm.broken = [503] * 9
    keeping.decide(1, litellm.add(1))
    await keeping.settle()
    await keeping.later(100)
    assert keeping.counted("oldest_seconds") == 100


async def test_a_change_whose_answer_is_lost_is_undone_to_what_was_before(litellm, keeping):
    key = litellm.add(1, rpm_limit=50)
    litellm.loses_answers = True
    decision = keeping.decide(1, key, "throttle")
    await keeping.settle()
    litellm.loses_answers = False
    await keeping.later()
    keeping.undo(decision)
    await keeping.later()
    assert (litellm.rows[key]["rpm_limit"], litellm.rows[key]["metadata"]) == (50, {})


async def test_a_rejected_change_is_logged_and_compared_again(litellm, keeping, caplog):
    key = litellm.add(1)
    litellm.broken = [400]
    decision = keeping.decide(1, key)
    await keeping.settle()
    assert keeping.counted("accounts", standing="rejected") == 1
    assert decision in caplog.text
    assert "HTTP 400" in caplog.text
    await keeping.later(120)
    assert len(litellm.calls) == 1
    assert keeping.counted("oldest_seconds") == 120
    await keeping.compare()
    assert litellm.rows[key]["blocked"] is True
    assert keeping.counted("accounts", standing="rejected") == 0
    assert keeping.counted("oldest_seconds") == 0


async def test_a_rejected_undo_of_a_key_that_is_then_deleted_is_done(litellm, keeping):
    key = litellm.add(1)
    decision = keeping.decide(1, key)
    await keeping.settle()
    keeping.undo(decision)
    litellm.broken = [400]
    await keeping.settle()
    assert keeping.counted("accounts", standing="pending") == 1
    del litellm.rows[key]
    await keeping.compare()
    assert keeping.counted("accounts", standing="pending") == 0
    assert keeping.counted("accounts", standing="rejected") == 0


async def test_an_address_that_leads_elsewhere_is_no_unknown_account(litellm, keeping, caplog):
    keeping.settings = msgspec.structs.replace(
        keeping.settings, url=f"http://127.0.0.1:{litellm.port}/elsewhere"
    )
    keeping.start_again()
    keeping.decide(1, litellm.add(1))
    await keeping.settle()
    assert keeping.counted("accounts", standing="rejected") == 1
    assert "admin.url" in caplog.text


async def test_a_forged_mark_is_none(litellm, keeping):
    """Its owner may write a key's metadata: an undo must not set what they like."""
    key = litellm.add(1)
    decision = keeping.decide(1, key, "throttle")
    await keeping.settle()
    mark = litellm.rows[key]["metadata"][OURS]
    litellm.rows[key]["metadata"][OURS] = mark | {
        "mark": mark["mark"].replace('"before":null', '"before":100000')
    }
    keeping.undo(decision)
    await keeping.settle()
    assert litellm.rows[key]["rpm_limit"] == 10


@pytest.mark.parametrize(
    "ours", [None, 5, [], "x", {"mark": 1}, {"mark": "{}", "signature": "é"}, {"signature": None}]
)
async def test_other_data_in_the_place_of_a_mark_is_none(litellm, keeping, ours):
    key = litellm.add(1, metadata={OURS: ours})
    decision = keeping.decide(1, key)
    await keeping.settle()
    keeping.undo(decision)
    await keeping.settle()
    assert not litellm.rows[key]["blocked"]


@pytest.mark.parametrize("info", [None, 3, {"metadata": "text"}, {"rpm_limit": "many"}])
async def test_an_answer_that_is_not_litellms_changes_nothing(litellm, keeping, info):
    key = litellm.add(1)
    litellm.rows[key] = info if isinstance(info, dict) else {"blocked": info or "no"}
    keeping.decide(1, key)
    await keeping.settle()
    assert len(litellm.calls) == 1
    assert keeping.counted("accounts", standing="rejected") == 1


async def test_an_endless_answer_is_cut_off(litellm, keeping):
    key = litellm.add(1, metadata={"x": "y" * (MAX_ANSWER + 1)})
    keeping.decide(1, key)
    await keeping.settle()
    assert keeping.counted("accounts", standing="rejected") == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"url": ""}, "admin.url"),
        ({"url": "http://10.0.0.1"}, "allow_insecure"),
        ({"url": "http://169.254.169.254"}, "admin.url"),
        ({"token": Secret()}, "admin.token"),
        ({"token": Secret("a\nb")}, "admin.token"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_the_start(changes, expected):
    given = {"api": "litellm", "url": "https://litellm:4000", "token": Secret(TOKEN)} | changes
    with pytest.raises(SettingsError, match=expected) as error:
        gateway_of(AdminSettings(**given), DecisionSettings(key=Secret(KEY)))
    assert TOKEN not in str(error.value)


async def test_it_runs_beside_an_enforcer(litellm, keeping):
    """The loops: a decision is carried out soon, and nothing is left behind by a stop."""
    keys = [litellm.add(number) for number in range(15)]
    keeping.settings = AdminSettings(
        api="litellm",
        url=f"http://127.0.0.1:{litellm.port}",
        token=Secret(TOKEN),
        accounts_a_minute=60_000,
    )
    keeping.start_again()
    loops = AdminLoops(keeping.settings, keeping.reconciler, Random(1))
    await loops.start()
    decisions = [keeping.decide(number, key) for number, key in enumerate(keys)]

    def blocked() -> int:
        keeping.passed += 0.1
        return sum(bool(litellm.rows[key]["blocked"]) for key in keys)

    await until_async(lambda: blocked() == len(keys))
    for one in decisions:
        keeping.undo(one)
    await until_async(lambda: blocked() == 0)
    await loops.stop()
