"""Who has turned to longer answers, where nothing is said, and which answers are the new ones."""

from __future__ import annotations

import numpy as np
import pytest

from testlib.traffic.crowds import SERVICE, Stage

UNKNOWN = float("nan")
STANDING = SERVICE | {"prompts": UNKNOWN}
GROWN = STANDING | {"output_per_request": 450, "output_ratio": 1.1}


@pytest.fixture(scope="module")
def stored():
    """A population of three days, with a silent account in good standing."""
    stage = Stage()
    stage.play(72, {"account": STANDING, "speaks": SERVICE})
    return stage.saved()


@pytest.fixture
def stage(stored):
    return Stage.restored(stored)


def turned(stage, name="account"):
    """Return when an account turned and from how many tokens its answers are new."""
    slot = stage.table.slot(name)
    at, least = stage.detector.turned(np.array([slot]))
    return float(at[0]), float(least[0])


def test_who_takes_longer_answers_for_what_it_sends_has_turned(stage):
    assert np.isnan(turned(stage)[0])
    stage.play(1, {"account": GROWN})
    at, least = turned(stage)
    assert at == stage.time
    assert 55 < least < 450
    stage.play(5, {"account": GROWN})
    assert turned(stage) == (at, least)


@pytest.mark.parametrize(
    "change", [{"output_per_request": 450}, {"output_ratio": 1.1}, {"requests_day": 9000}]
)
def test_longer_prompts_or_mere_growth_are_no_turn(stage, change):
    stage.play(6, {"account": STANDING | change})
    assert np.isnan(turned(stage)[0])


def test_who_says_something_has_not_turned_here(stage):
    stage.play(6, {"speaks": GROWN | {"prompts": 400}})
    assert np.isnan(turned(stage, "speaks")[0])


def test_who_goes_back_has_turned_no_longer(stage):
    stage.play(3, {"account": GROWN})
    stage.play(1, {"account": STANDING})
    assert np.isnan(turned(stage)[0])


def test_a_new_account_has_no_past_to_turn_from(stage):
    stage.play(6, {"newcomer": GROWN})
    assert np.isnan(turned(stage, "newcomer")[0])


def test_it_is_kept_with_the_state(stage):
    stage.play(2, {"account": GROWN})
    assert turned(Stage.restored(stage.saved())) == turned(stage)
