"""Use out of proportion to the plan is cited, and supports evidence; alone it is none."""

from __future__ import annotations

import numpy as np
import pytest

from stream.accounts.detection.account_states import AccountState
from stream.accounts.detection.evidence import MOST_HART
from stream.accounts.detection.plans import MOST_PLANS, Plans
from stream.accounts.features.table import COLUMN, FEATURES
from testlib.traffic.crowds import EXTRACTOR, HOUR, SERVICE, Stage, crowd, opened

FREE, PAID = 17, 23
#: What an extractor has on a free plan, and nothing else that others have not.
PLAIN = EXTRACTOR | {
    "gap_variation": 1.8, "templated_breadth": 100, "around_the_clock": 9,
    "output_day": 5e5, "output_hour": 2e4,
}  # fmt: skip
LAUNCH = SERVICE | {"requests_day": 40_000, "output_day": 2.2e6, "plan": FREE}


def play(stage, hours, suspects=None):
    """Score sixty services on a paid plan and thirty small ones on a free one, and suspects."""
    found = []
    for _ in range(hours):
        stage.time += HOUR
        rows = {name: row | {"plan": PAID} for name, row in crowd(60, 1, stage.time).items()}
        for name, row in crowd(30, 2, stage.time).items():
            small = {key: row[key] / 20 for key in ("output_day", "templated_breadth")}
            rows[f"free-{name}"] = row | small | {"requests_day": 55, "plan": FREE}
        found += stage.score(rows | (suspects or {}))
    return found


@pytest.fixture(scope="module")
def stored():
    """A population of three days."""
    stage = Stage()
    assert opened(play(stage, 72)) == set()
    return stage.saved()


@pytest.fixture
def stage(stored):
    return Stage.restored(stored)


def out_of_plan(found):
    """Return the evidence of the last finding that is about the plan."""
    return next((e for e in found[-1].evidence if e.feature == "out_of_plan"), None)


def test_an_extractor_on_a_free_plan_is_out_of_proportion(stage):
    found = play(stage, 4, {"lone": PLAIN | {"plan": FREE}})
    cited = out_of_plan(found)
    assert cited is not None
    assert cited.value == PLAIN["output_day"]
    assert cited.population < 20_000  # what its plan takes
    assert cited.contribution > 0.03


@pytest.mark.parametrize("plan", [0, PAID, 99])
def test_on_a_large_plan_or_an_unknown_one_it_is_not(stage, plan):
    found = play(stage, 4, {"lone": PLAIN | {"plan": plan}})
    assert found
    assert out_of_plan(found) is None


def test_a_start_up_that_launches_on_a_small_plan_stays_below_the_line(stage):
    assert opened(play(stage, 12, {"start-up": SERVICE | {"plan": FREE}})) == set()
    assert opened(play(stage, 24, {"start-up": LAUNCH})) == set()
    slot = np.array([stage.scored.slot("start-up")])
    assert stage.detector.states.of(slot)[0] != AccountState.WARMING_UP
    # It was considered: what it takes is rare on its plan, and rare nowhere else.
    output = FEATURES[COLUMN["output_day"]].scaled(np.array([LAUNCH["output_day"]]))
    plans = Plans(half_life_s=1e9)
    others = FEATURES[COLUMN["output_day"]].scaled(np.geomspace(500, 5000, 30))
    plans.learn(0.0, np.full(30, FREE, np.uint64), others, np.ones(30))
    assert plans.surprisal(np.array([FREE], np.uint64), output, most=MOST_HART)[0] == MOST_HART


def test_it_is_kept_with_the_state():
    stage = Stage()
    play(stage, 30)
    other = Stage.restored(stage.saved())
    suspects = {"lone": PLAIN | {"plan": FREE}}
    assert play(other, 3, suspects) == play(stage, 3, suspects)


def test_plans_are_bounded_and_little_known_ones_give_no_surprisal():
    plans = Plans(half_life_s=1e9)
    many = np.arange(1, MOST_PLANS + 10, dtype=np.uint64)
    for _ in range(30):
        plans.learn(0.0, many, np.full(len(many), 0.2), np.ones(len(many)))
    few = np.array([MOST_PLANS + 5], np.uint64)
    assert len(plans.known) == MOST_PLANS
    assert plans.surprisal(few, np.ones(1), most=MOST_HART)[0] == 0
    assert plans.surprisal(many[:1], np.ones(1), most=MOST_HART)[0] == MOST_HART
    fresh = Plans(half_life_s=1e9)
    fresh.learn(0.0, many[:1], np.full(1, 0.2), np.ones(1))
    assert fresh.surprisal(many[:1], np.ones(1), most=MOST_HART)[0] == 0
