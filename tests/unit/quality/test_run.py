"""A small plan, simulated alone: the files, and that a forked scenario is a straight one."""

import dataclasses
import math
import multiprocessing
from itertools import pairwise

import msgspec
import pytest
from quality.alarms import Curves
from quality.modes import COMPARED, HEADLINE
from quality.plan import BENIGN, Campaign, Crowd, Plan
from quality.run import Result, Run, known, result_path
from quality.store import Store, time_of
from quality.subject import Product

from stream.accounts.windows.settings import WindowSettings
from stream.settings import Settings

CROWD = Crowd(
    clients=1, clients_events=10, conversations=2, coders=2, chats=2, writers=2, people=16,
    tool_users=4, vpn=2, phones=2, staff=4, services=2, batches=0, evaluations=0, pipelines=0,
    migrations=0, tutoring=0, benchmarks=0, failovers=1,
    team_keys=1, two_keys=1, links=2, suggested=2,
)  # fmt: skip
PLAN = Plan(
    name="tiny",
    seed=4,
    days=2,
    begins_d=1.05,
    release_d=1.2,
    outage_d=1.5,
    half_d=1.6,
    crowd=CROWD,
    campaigns=(
        Campaign(id="pool", accounts=10, per_day=150, items=40, recall=0.9, leaked=0.1),
        Campaign(id="takeover", accounts=1, per_day=500, items=40, recall=0.9, leaked=0.1),
        Campaign(id="pivot", accounts=9, per_day=30, items=40, recall=0.9, leaked=0.1),
    ),
)
#: Long steps: their number is what a small run costs.
SETTINGS = dataclasses.replace(
    Settings().stages, tasks=1, windows=WindowSettings(window_s=600, allowed_lateness_s=60)
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = Store.open(tmp_path_factory.mktemp("cache"), PLAN, None)
    for name in PLAN.ids:
        made.make(name)
    return made


def events(store, name):
    lines = [line for day in range(PLAN.days) for line in store.lines(name, day)]
    return lines, [msgspec.json.decode(line) for line in lines]


@pytest.mark.parametrize("name", PLAN.ids)
def test_a_scenario_is_in_time_order(store, name):
    lines, found = events(store, name)
    times = [time_of(line) for line in lines]
    assert all(a <= b for a, b in pairwise(times))
    assert times == [event["timestamp"] for event in found]


@pytest.mark.parametrize("name", PLAN.ids)
def test_the_directory_knows_of_each_account_what_its_events_say(store, name):
    directory = store.truth(BENIGN).directory | store.truth(name).directory
    for event in events(store, name)[1]:
        entry = directory[event["account_id"]]
        assert entry.created_at == event["account_created_at"]
        assert (entry.plan, entry.payment_id, entry.organization_id) == (
            event["plan"], event.get("payment_id"), event.get("organization_id"),
        )  # fmt: skip


def test_a_result_is_taken_up_again_by_its_own_revision_alone(tmp_path):
    result = Result(
        scenario="pool", mode="gateway", revision="r1", seconds=1.0, events=1, outcomes=[],
        curves=Curves(),
    )  # fmt: skip
    for mode in (HEADLINE, COMPARED):
        path = result_path(tmp_path, mode, "pool")
        path.parent.mkdir()
        path.write_bytes(msgspec.json.encode(result))
    assert known(tmp_path, HEADLINE, "pool", "r1", alone=False)
    assert not known(tmp_path, HEADLINE, "pool", "r2", alone=False)
    assert not known(tmp_path, HEADLINE, "relay", "r1", alone=False)
    assert not known(tmp_path, "gateway-no-text", "pool", "r1", alone=False)
    assert known(tmp_path, COMPARED, "pool", "r1", alone=True)
    assert not known(tmp_path, COMPARED, "pool", "r1", alone=False)  # the others have not listened


def test_planted_accounts_are_labelled_and_counted(store):
    truth = store.truth("pool")
    _, found = events(store, "pool")
    benign = store.truth(BENIGN).kinds
    ours = [event for event in found if event["account_id"] not in benign]
    times, tokens, account = truth.taken()
    assert len(ours) == truth.requests == len(times)
    assert [event["output_tokens"] for event in ours] == tokens.tolist()
    assert [event["account_id"] for event in ours] == [truth.attackers[i] for i in account]


def test_a_turned_account_stops_being_what_it_was_when_the_campaign_begins(store):
    truth = store.truth("takeover")
    (account,) = truth.replaced
    _, benign = events(store, BENIGN)
    _, turned = events(store, "takeover")

    def of(found, after):
        return [
            event["request_id"]
            for event in found
            if event["account_id"] == account and (event["timestamp"] >= truth.begins_s) == after
        ]

    assert of(benign, after=False) == of(turned, after=False)
    assert not set(of(benign, after=True)) & set(of(turned, after=True))
    assert len(truth.attackers) == 1
    others = {event["request_id"] for event in benign if event["account_id"] != account}
    assert others <= {event["request_id"] for event in turned}


def test_the_same_plan_makes_the_same_traffic(store, tmp_path):
    again = Store.open(tmp_path, PLAN, None)
    again.make("pivot")
    assert again.campaign("pivot").read_bytes() == store.campaign("pivot").read_bytes()
    assert again.truth("pivot") == store.truth("pivot")
    assert again.root.name == store.root.name


def test_a_forked_scenario_says_what_a_straight_one_says(store, tmp_path):
    said = []
    context = multiprocessing.get_context("fork")
    run = Run(store, COMPARED, SETTINGS, tmp_path, "now", context.Semaphore(2), said.append)
    family = context.Process(target=run.play, args=((BENIGN, "pool"),))
    family.start()
    family.join()
    assert family.exitcode == 0
    for name in ("pool", BENIGN):
        forked = msgspec.json.decode(
            result_path(tmp_path, COMPARED, name).read_bytes(), type=Result
        )
        straight = Product(SETTINGS, lambda _: None)
        for day in range(PLAN.days):
            straight.feed(list(store.lines(name, day)), store.plan.end_s)
        straight.finish()
        ours = forked.outcomes[0]
        assert ours.incidents == len({alarm.incident for alarm in straight.alarms()})
        assert ours.accused == len({a for alarm in straight.alarms() for a in alarm.accounts})
    assert {outcome.detector for outcome in forked.outcomes} > {"distillwatch"}
    pool = msgspec.json.decode(result_path(tmp_path, COMPARED, "pool").read_bytes(), type=Result)
    campaign = pool.outcomes[0].campaign
    assert campaign is not None
    assert campaign.found
    assert pool.curves.precision_recall


def test_a_campaign_can_be_played_for_some_hours_only(store, tmp_path):
    events = []
    for hours in (1.0, math.inf):
        room = multiprocessing.get_context("fork").Semaphore(1)
        run = Run(store, HEADLINE, SETTINGS, tmp_path, "now", room, lambda _: None, hours=hours)
        run.play(("pivot",))
        path = result_path(tmp_path, HEADLINE, "pivot")
        events.append(msgspec.json.decode(path.read_bytes(), type=Result).events)
    begin, lines = store.truth("pivot").begins_s, list(store.lines("pivot", 1))
    assert events == [sum(time_of(line) < begin + 3600 for line in lines), len(lines)]
    assert 0 < events[0] < events[1]
