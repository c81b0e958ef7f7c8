"""Which accounts have a change point, and which of their answers are new."""

from __future__ import annotations

import numpy as np
import pytest

from testlib.traffic.crowds import SERVICE, Stage

UNKNOWN = float("nan")
STANDING = SERVICE | {"prompts": UNKNOWN}
GROWN = STANDING | {"output_per_request": 450, "output_ratio": 1.1}


@pytest.fixture(scope="module")
def stored():
    """A population of three days, with an old account whose gateway logs no text."""
    stage = Stage()
    stage.play(72, {"account": STANDING, "speaks": SERVICE})
    return stage.saved()


@pytest.fixture
def stage(stored):
    return Stage.restored(stored)


def change_point(stage, name="account"):
    """Return the change point of an account and the least tokens of a new answer."""
    slot = stage.table.slot(name)
    at, least = stage.observer.change_points.of(np.array([slot]))
    return float(at[0]), float(least[0])


def test_longer_answers_to_equal_requests_are_a_change_point(stage):
    assert np.isnan(change_point(stage)[0])
    stage.play(1, {"account": GROWN})
    at, least = change_point(stage)
    assert at == stage.time
    assert 55 < least < 450
    stage.play(5, {"account": GROWN})
    assert change_point(stage) == (at, least)


@pytest.mark.parametrize(
    "change", [{"output_per_request": 450}, {"output_ratio": 1.1}, {"requests_day": 9000}]
)
def test_longer_prompts_or_mere_growth_are_no_change_point(stage, change):
    stage.play(6, {"account": STANDING | change})
    assert np.isnan(change_point(stage)[0])


def test_an_account_with_text_has_no_change_point_here(stage):
    stage.play(6, {"speaks": GROWN | {"prompts": 400}})
    assert np.isnan(change_point(stage, "speaks")[0])


def test_an_account_that_goes_back_has_no_change_point_any_more(stage):
    stage.play(3, {"account": GROWN})
    stage.play(1, {"account": STANDING})
    assert np.isnan(change_point(stage)[0])


def test_a_new_account_has_no_past_to_turn_from(stage):
    stage.play(6, {"newcomer": GROWN})
    assert np.isnan(change_point(stage, "newcomer")[0])


def test_it_is_kept_with_the_state(stage):
    stage.play(2, {"account": GROWN})
    assert change_point(Stage.restored(stage.saved())) == change_point(stage)
