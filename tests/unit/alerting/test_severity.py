"""Severity is the documented function: its borders, its order, and the documented examples."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.alerting import severity as module
from stream.alerting.settings import AlertingSettings
from stream.alerting.severity import SEVERITIES, severity
from stream.core.findings import Observed

SETTINGS = AlertingSettings()
ROOT = Path(__file__).parents[3]


def grade(score: float, members: int, tokens: int = 0, last_hour: int = 0) -> str:
    observed = Observed(output_tokens=tokens, output_tokens_last_hour=last_hour)
    return severity(SETTINGS, score=score, members=members, observed=observed)


@pytest.mark.parametrize(
    ("score", "members", "tokens", "last_hour", "expected"),
    [
        (0.8, 1, 0, 0, "info"),
        (0.899, 19, 999_999, 499_999, "info"),
        (0.9, 1, 0, 0, "warning"),
        (0.8, 20, 0, 0, "warning"),
        (0.8, 1, 1_000_000, 0, "warning"),
        (0.8, 1, 0, 500_000, "warning"),
        (0.969, 99, 10**9, 10**9, "warning"),
        (1.0, 99, 999_999, 499_999, "warning"),
        (0.97, 1, 1_000_000, 0, "critical"),
        (0.97, 1, 0, 500_000, "critical"),
        (0.8, 100, 0, 0, "critical"),
        # 672 accounts that were found by their phrases, at their first alert.
        (0.81, 672, 40_000, 40_000, "critical"),
    ],
)
def test_borders(score: float, members: int, tokens: int, last_hour: int, expected: str) -> None:
    assert grade(score, members, tokens, last_hour) == expected


figures = st.tuples(
    st.floats(0, 1), st.integers(1, 200), st.integers(0, 2_000_000), st.integers(0, 900_000)
)


@given(figures, figures)
def test_more_of_anything_is_never_less_grave(one: tuple, other: tuple) -> None:
    both = tuple(map(max, one, other))
    assert SEVERITIES.index(grade(*both)) >= SEVERITIES.index(grade(*one))


@pytest.mark.parametrize("name", ["module", "runbook"])
def test_the_documented_table_has_the_numbers_of_the_settings(name: str) -> None:
    documents = {
        "module": module.__doc__ or "",
        "runbook": (ROOT / "deploy/runbook.md").read_text(),
    }
    numbers = (
        f"{SETTINGS.critical_members} members",
        f"{SETTINGS.warning_members} members",
        f"{SETTINGS.critical_score:g}",
        f"{SETTINGS.warning_score:g}",
        f"{SETTINGS.critical_output_tokens:,}",
        f"{SETTINGS.critical_output_tokens_per_hour:,}",
    )
    assert [number for number in numbers if number not in documents[name]] == []
