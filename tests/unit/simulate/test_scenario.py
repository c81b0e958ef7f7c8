from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from itertools import islice, pairwise

import msgspec
import pytest

from stream.core.errors import UsageError
from stream.tools.simulate import SCENARIOS, scenario
from stream.tools.simulate.planted.shapes import SHAPES
from stream.tools.simulate.population import Crowd, PlantedCampaigns

SMALL = replace(
    scenario("demo"),
    crowd=Crowd(
        people=12,
        tool_users=6,
        staff=5,
        services=4,
        batches=1,
        evaluations=1,
        pipelines=1,
        migrations=1,
        tutoring=1,
    ),
    planted=PlantedCampaigns(pool=6, hydra=8, lone=1, after_s=3600.0),
    span_s=8 * 3600.0,
)


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    return list(SMALL.lines())


@pytest.fixture(scope="module")
def events(lines: list[bytes]) -> list[dict[str, object]]:
    return [msgspec.json.decode(line) for line in lines]


def test_the_same_seed_gives_the_same_bytes(lines: list[bytes]) -> None:
    assert list(SMALL.lines()) == lines


def test_another_seed_gives_other_accounts_and_events(lines: list[bytes]) -> None:
    other = replace(SMALL, seed=1)
    assert not {x.account_id for x in other.labels()} & {x.account_id for x in SMALL.labels()}
    assert list(islice(other.lines(), 50)) != lines[:50]


def test_events_come_in_time_order_and_inside_the_span(events: list[dict[str, float]]) -> None:
    times = [event["timestamp"] for event in events]
    assert all(a <= b for a, b in pairwise(times))
    assert times[0] >= SMALL.start_s
    assert times[-1] <= SMALL.start_s + SMALL.span_s


def test_every_event_is_of_a_labelled_account(events: list[dict[str, object]]) -> None:
    labels = {label.account_id: label for label in SMALL.labels()}
    assert {event["account_id"] for event in events} <= labels.keys()
    assert len(labels) == len(SMALL.labels())
    campaigns = Counter(x.campaign_id for x in labels.values() if x.label == "attack")
    assert campaigns == {"pool-1": 6, "hydra-1": 8, "": 1}


def test_numbers_are_possible(events: list[dict[str, int]]) -> None:
    for event in events:
        assert event["input_tokens"] >= 1
        assert event["output_tokens"] >= 0
        assert event["status"] in {200, 400, 429, 500}
        assert (event["output_tokens"] == 0) == (event["status"] != 200)
        assert event.get("cached_tokens", 0) <= event["input_tokens"]


def test_accounts_exist_before_they_ask(events: list[dict[str, float]]) -> None:
    assert all(event["account_created_at"] <= event["timestamp"] for event in events)


def test_a_campaign_begins_after_the_benign_warm_up(events: list[dict[str, object]]) -> None:
    attack = {x.account_id for x in SMALL.labels() if x.label == "attack"}
    first = min(e["timestamp"] for e in events if e["account_id"] in attack)  # type: ignore[type-var]
    assert first >= SMALL.start_s + SMALL.planted.after_s  # type: ignore[operator]


def test_without_text_nothing_is_said() -> None:
    silent = replace(SMALL, text=False)
    assert all(e.prompt is None and e.system_prompt is None for e in silent.events())


def test_the_traffic_can_begin_on_another_day() -> None:
    moved = replace(SMALL, start_s=2_000_000_000.0)
    assert next(moved.events()).timestamp >= 2_000_000_000.0


def test_campaigns_have_their_published_rates() -> None:
    days = 1.0
    shape = replace(
        scenario("pool"),
        crowd=Crowd(
            people=0,
            tool_users=0,
            staff=0,
            services=0,
            batches=0,
            evaluations=0,
            pipelines=0,
            migrations=0,
            tutoring=0,
        ),
        planted=PlantedCampaigns(pool=20, hydra=60, lone=1),
        span_s=days * 86_400,
    )
    kinds = {a.account_id: a.kind for a in shape.accounts}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for event in shape.events():
        counts[kinds[event.account_id]][event.account_id] += 1
    means = {kind: sum(c.values()) / len(c) for kind, c in counts.items()}
    assert 350 < means["pool"] < 750
    assert 14 < means["hydra"] < 32
    assert 4000 < means["lone"] < 5500


def test_benign_traffic_is_not_conveniently_different() -> None:
    benign = [a for a in scenario("demo").accounts if not a.attack]
    begin = scenario("demo").start_s
    assert sum(a.paper.created_at > begin - 7 * 86_400 for a in benign) >= 15
    assert any(a.calls.logprobs for a in benign)
    assert any(a.calls.temperatures == (1.0,) for a in benign)
    payments = Counter(a.paper.payment_id for a in benign if a.paper.payment_id)
    assert payments.most_common(1)[0][1] >= 20
    prompts = Counter(a.kind for a in benign)
    assert {"person", "tool", "company", "service", "batch", "evaluation"} <= prompts.keys()


def test_scenario_ids_are_permanent() -> None:
    assert set(SCENARIOS) == {"demo", "benign", "week", *SHAPES}


def test_an_unknown_scenario_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="expected one of: demo, benign"):
        scenario("nothing")


def test_an_account_that_turns_is_one_account_that_attacks() -> None:
    accounts = Counter(label.account_id for label in scenario("takeover").labels())
    assert max(accounts.values()) == 1
    campaigns = Counter(x.campaign_id for x in scenario("takeover").labels() if x.label == "attack")
    assert campaigns == {"takeover-1": 1}


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_every_scenario_starts_at_once(name: str) -> None:
    assert len(list(islice(scenario(name).events(), 20))) == 20
