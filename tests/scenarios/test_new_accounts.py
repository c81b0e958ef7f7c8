"""An account that is new to the log, whenever it was opened, and begins at full use is found.

Gateways log no creation, and an account may be opened days before it is used. Played hour by hour
over a population of services; each benign twin differs in what makes it benign.
"""

from __future__ import annotations

import numpy as np
import pytest

from stream.accounts.detection.account_states import AccountState
from testlib.traffic.crowds import EXTRACTOR, HOUR, OPEN, SERVICE, Stage, crowd, opened

UNKNOWN = float("nan")
#: Nobody knows how old it is.
AGELESS = EXTRACTOR | {"age": UNKNOWN, "volume_for_age": UNKNOWN}


def begun(hours, account=AGELESS, *, opened_days=UNKNOWN, idle=0):
    """Return the features of an account so many hours after its first request.

    Of these it was ``idle`` for some; it was opened ``opened_days`` before its first request.
    """
    active = max(hours - idle, 1)
    per_hour = account["requests_day"] / 24
    output = account["output_day"] / 24
    return account | {
        "requests_hour": per_hour, "requests_day": per_hour * active,
        "no_ramp": per_hour * 24 * active / hours,
        "output_hour": output, "output_day": output * active,
        "active_hours": active, "around_the_clock": min(active, hours if not idle else 2),
        "templated_breadth": account["templated_breadth"] * active / 24,
        "age": opened_days + hours / 24,
    }  # fmt: skip


@pytest.fixture(scope="module")
def stored():
    """A population of half a day, as state that each test continues from."""
    stage = Stage()
    assert stage.play(13) == []
    return stage.saved()


@pytest.fixture
def stage(stored):
    return Stage.restored(stored)


def play(stage, hours, account_after, *, every_h=0.5):
    """Score the crowd and the account every half hour; return (hours since it began, finding)."""
    began, found = stage.time, []
    for step in range(1, int(hours / every_h) + 1):
        stage.time = began + step * every_h * HOUR
        since = step * every_h
        rows = crowd(60, 1, HOUR * (stage.time // HOUR)) | {"new": account_after(since)}
        # It is seen from its first request on.
        found += [(since, finding) for finding in stage.score(rows)]
    return found


@pytest.mark.parametrize("opened_days", [UNKNOWN, 0.0, 3.0])
def test_an_extractor_that_begins_hours_into_the_log_is_found_within_hours(stage, opened_days):
    found = play(stage, 6, lambda h: begun(h, opened_days=opened_days))
    when, first = next((h, f) for h, f in found if f.score >= OPEN)
    assert {f.account_id for _, f in found} == {"new"}
    assert when <= 5
    evidence = {e.feature: e for e in first.evidence}
    assert {"no_ramp", "output_day", "output_ratio"} <= evidence.keys()
    assert evidence["no_ramp"].value == pytest.approx(5000, rel=0.01)
    assert 60 < evidence["no_ramp"].population < 2000


def test_use_around_the_clock_is_cited(stage):
    plain = AGELESS | {"gap_variation": 1.8, "templated_breadth": 100}
    found = play(stage, 30, lambda h: begun(h, plain), every_h=1)
    evidence = {e.feature: e for e in found[-1][1].evidence}
    assert evidence["around_the_clock"].value == 30
    assert "without an idle period" in evidence["around_the_clock"].meaning


def test_one_key_of_many_addresses_and_clients_is_cited(stage):
    resold = AGELESS | {"addresses": 60, "user_agents": 15, "many_clients": 900,
                        "gap_variation": 1.8, "templated_breadth": 100}  # fmt: skip
    found = play(stage, 6, lambda h: begun(h, resold))
    evidence = {e.feature: e for e in found[-1][1].evidence}
    assert evidence["many_clients"].value == 900
    assert "many addresses and many clients" in evidence["many_clients"].meaning


TWINS = {
    "an onboarding customer's migration": SERVICE | {"requests_day": 5000, "output_day": 2.8e5,
                                                     "templated_breadth": 5000},
    "a new product with long answers and little use": AGELESS | {"requests_day": 240,
                                                                 "output_day": 3e4},
    "a new service at night": SERVICE | {"requests_day": 3000, "output_day": 2e5},
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(TWINS))
def test_benign_newcomers_stay_below_the_line(stage, name):
    twin = TWINS[name] | {"volume_for_age": UNKNOWN}
    assert opened([f for _, f in play(stage, 40, lambda h: begun(h, twin), every_h=1)]) == set()
    assert considered(stage)


def test_a_batch_of_three_hours_is_no_extractor(stage):
    found = play(stage, 3, begun)
    assert opened([f for _, f in found]) == set()
    assert considered(stage)


def test_who_is_idle_for_most_of_the_day_does_not_keep_up(stage):
    found = play(stage, 24, lambda h: begun(h, idle=h / 2), every_h=1)
    assert opened([f for _, f in found]) == set()
    assert considered(stage)


def test_an_account_that_was_away_is_not_new(stage):
    assert play(stage, 12, lambda h: begun(h, opened_days=300), every_h=1) == []
    assert considered(stage)
    assert not considered(stage, opened_days=300)


def test_who_was_there_in_the_first_hours_is_not_new():
    stage = Stage()
    stage.play(2)
    assert play(stage, 30, begun, every_h=1) == []
    assert not considered(stage)


def test_nobody_is_new_for_ever(stage):
    play(stage, 47, begun, every_h=1)
    assert considered(stage)
    stage.time += 2 * HOUR
    assert not considered(stage)


def considered(stage, opened_days=0):
    """Return whether the account counts as new to the log, and has a score."""
    age = np.full(1, opened_days)
    slot = np.array([stage.scored.slot("new")])
    scored = stage.detector.states.of(slot)[0] != AccountState.WARMING_UP
    return scored and stage.detector.learning.appeared(stage.time, slot, age)[0]
