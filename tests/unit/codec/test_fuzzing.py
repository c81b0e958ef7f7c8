"""Hostile records of a seed, as ``make fuzz`` draws a million of them."""

from itertools import islice

import pytest
from fuzzing import Fuzzer, Trial


@pytest.mark.parametrize("format_", ["auto", "canonical"])
def test_hostile_records_are_events_or_rejects_and_harm_nobody(format_: str) -> None:
    trial, records = Trial(format_), Fuzzer(seed=11).records(1000)
    while values := list(islice(records, 50)):
        trial.put(values)
    assert trial.slow == []
    assert trial.results["events"] > 100
    assert len(trial.results) > 5
