"""How many windows close at a time, and in how many accounts tasks, changes no alert."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream.core.alerts import Alert, as_sent
from stream.core.records import Record
from stream.metrics import Metrics
from stream.pipeline.chain import Chain
from stream.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stream.pipeline.settings import StageSettings

FOUR = replace(Settings().stages, tasks=4)
ONE = FOUR.with_one_accounts_task()
#: Requests read at once: a window closes after a few, or all at the end.
BATCHES = st.lists(st.sampled_from([7, 40, 300, 2_000, 100_000]), min_size=1, max_size=5)


def alerts(stages: StageSettings, lines: Sequence[bytes], batches: Sequence[int]) -> list[Alert]:
    """Return the alerts of a log that is read in batches of the given sizes, over and over."""
    chain = Chain(stages, source="t", metrics=Metrics(strict=False))
    rounds = 1 + len(lines) // sum(batches)
    borders = [0, *accumulate([*batches] * rounds), len(lines)]
    found: list[Alert] = []
    for first, last in pairwise(borders):
        records = [Record(first + i, None, line) for i, line in enumerate(lines[first:last])]
        if records:
            found += chain.process(records, now_s=2e9)
    # Refreshes follow how often the log is read, and receivers get none.
    return as_sent([*found, *chain.finish()])


@cache
def one_by_one(lines: tuple[bytes, ...]) -> list[Alert]:
    return alerts(FOUR, lines, [15])


@pytest.fixture(scope="module")
def events(ring_lines: list[bytes]) -> Callable[[], tuple[bytes, ...]]:
    lines = tuple(ring_lines[:3000])
    return lambda: lines  # an argument of a property test is printed


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(batches=BATCHES)
def test_windows_that_close_together_give_the_alerts_of_one_after_the_other(
    events: Callable[[], tuple[bytes, ...]], batches: list[int]
) -> None:
    expected = one_by_one(events())
    assert expected
    assert alerts(ONE, events(), batches) == expected
