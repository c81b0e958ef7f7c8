"""Verdicts adjust scores a little, once several people have labelled enough of both kinds."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.accounts.detection.feedback_calibration import (
    FeedbackCalibration,
    LabelledExample,
    odds,
)

TRUE, FALSE = {"young": 0.8, "pace": 0.2}, {"cards": 0.7, "pace": 0.3}
ENOUGH, MOST = 10.0, math.log(2)


def examples(count: int, *, authors: int) -> list[LabelledExample]:
    return [
        LabelledExample(evidence, evidence is TRUE, f"author {i % authors}")
        for i in range(count)
        for evidence in (TRUE, FALSE)
    ]


def calibration(*given: LabelledExample) -> FeedbackCalibration:
    return FeedbackCalibration(given, enough=ENOUGH, most=MOST)


def test_scores_move_towards_the_labels_and_not_far() -> None:
    model = calibration(*examples(30, authors=4))
    assert model.active
    assert 0.8 < model.adjusted_score(0.8, TRUE) < 0.89
    assert 0.66 < model.adjusted_score(0.8, FALSE) < 0.8


@pytest.mark.parametrize(
    "given",
    [
        examples(9, authors=9),  # too few
        examples(500, authors=1),  # one person alone
        [example for example in examples(100, authors=9) if not example.true],  # one kind only
    ],
)
def test_nothing_moves_before_several_people_have_labelled_enough_of_both_kinds(
    given: list[LabelledExample],
) -> None:
    model = calibration(*given)
    assert not model.active
    assert model.version == ""
    assert model.adjusted_score(0.8, TRUE) == 0.8


def test_ten_verdicts_of_one_author_change_next_to_nothing() -> None:
    """Even if others have labelled enough, a strong score fires whatever one person says."""
    fair = examples(20, authors=4)
    model = calibration(
        *fair, *(LabelledExample(TRUE, true=False, author="mallory") for _ in range(10))
    )
    assert model.adjusted_score(0.9, TRUE) >= 0.8


evidence = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.floats(0, 1), min_size=1)
example = st.builds(
    LabelledExample, evidence, st.booleans(), st.sampled_from(["ana", "bo", "cy", "di"])
)


@given(st.lists(example, max_size=60), st.floats(0, 1), evidence)
def test_the_adjustment_is_bounded_whatever_the_labels(
    given: list[LabelledExample], score: float, seen: dict[str, float]
) -> None:
    moved = FeedbackCalibration(given, enough=1, most=MOST).adjusted_score(score, seen)
    assert 0 <= moved <= 1
    assert abs(odds(moved) - odds(score)) <= MOST + 1e-6


def test_the_same_verdicts_give_the_same_model() -> None:
    one, two = calibration(*examples(30, authors=4)), calibration(*examples(30, authors=4))
    assert one.version == two.version != calibration(*examples(31, authors=4)).version
    assert one.adjusted_score(0.7, TRUE) == two.adjusted_score(0.7, TRUE)
