"""Verdicts move scores a little, once several people have said enough of both kinds."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.accounts.detection.hindsight import Hindsight, Lesson, odds

TRUE, FALSE = {"young": 0.8, "pace": 0.2}, {"cards": 0.7, "pace": 0.3}
ENOUGH, MOST = 10.0, math.log(2)


def lessons(count: int, *, authors: int) -> list[Lesson]:
    return [
        Lesson(evidence, evidence is TRUE, f"author {i % authors}")
        for i in range(count)
        for evidence in (TRUE, FALSE)
    ]


def taught(*given: Lesson) -> Hindsight:
    return Hindsight(given, enough=ENOUGH, most=MOST)


def test_scores_move_towards_what_was_said_and_not_far() -> None:
    model = taught(*lessons(30, authors=4))
    assert model.speaks
    assert 0.8 < model.moved(0.8, TRUE) < 0.89
    assert 0.66 < model.moved(0.8, FALSE) < 0.8


@pytest.mark.parametrize(
    "given",
    [
        lessons(9, authors=9),  # too few
        lessons(500, authors=1),  # one person alone
        [lesson for lesson in lessons(100, authors=9) if not lesson.true],  # one kind only
    ],
)
def test_nothing_moves_before_enough_was_said_by_several_of_both_kinds(
    given: list[Lesson],
) -> None:
    model = taught(*given)
    assert not model.speaks
    assert model.version == ""
    assert model.moved(0.8, TRUE) == 0.8


def test_ten_verdicts_of_one_author_change_next_to_nothing() -> None:
    """Even once others have said enough: a strong score fires whatever one person says."""
    fair = lessons(20, authors=4)
    model = taught(*fair, *(Lesson(TRUE, true=False, author="mallory") for _ in range(10)))
    assert model.moved(0.9, TRUE) >= 0.8


evidence = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.floats(0, 1), min_size=1)
lesson = st.builds(Lesson, evidence, st.booleans(), st.sampled_from(["ana", "bo", "cy", "di"]))


@given(st.lists(lesson, max_size=60), st.floats(0, 1), evidence)
def test_what_can_move_is_bounded_whatever_was_said(
    given: list[Lesson], score: float, seen: dict[str, float]
) -> None:
    moved = Hindsight(given, enough=1, most=MOST).moved(score, seen)
    assert 0 <= moved <= 1
    assert abs(odds(moved) - odds(score)) <= MOST + 1e-6


def test_the_same_verdicts_give_the_same_model() -> None:
    one, two = taught(*lessons(30, authors=4)), taught(*lessons(30, authors=4))
    assert one.version == two.version != taught(*lessons(31, authors=4)).version
    assert one.moved(0.7, TRUE) == two.moved(0.7, TRUE)
