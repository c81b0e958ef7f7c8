"""Scores that depend on a threshold follow it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.thresholds import DEFAULT_THRESHOLDS, ScoreThresholds


@given(st.floats(0.01, 0.98), st.floats(0.001, 0.99))
def test_every_derived_score_is_below_the_clear_score(clear: float, above: float) -> None:
    thresholds = ScoreThresholds(clear_score=clear, open_score=clear + above * (1 - clear))
    assert thresholds.harmless_score < thresholds.capped_score < thresholds.clear_score


def test_the_defaults_are_those_that_the_score_was_measured_with() -> None:
    assert DEFAULT_THRESHOLDS.capped_score == 0.45
    assert DEFAULT_THRESHOLDS.harmless_score == 0.2


def test_without_hysteresis_there_are_no_thresholds() -> None:
    with pytest.raises(ValueError, match=r"clear_score: expected less than open_score \(0.8\)"):
        ScoreThresholds(clear_score=0.8, open_score=0.8)
