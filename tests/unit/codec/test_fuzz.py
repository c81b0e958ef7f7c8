"""Seeded hostile records, as many as a test run can bear; ``make fuzz`` takes a million."""

from __future__ import annotations

from itertools import islice
from typing import get_args

import pytest
from fuzzing import Fuzzer, Trial

from stream.codec.settings import Format


@pytest.mark.parametrize("format_", get_args(Format))
def test_hostile_records_give_events_or_reasons_and_stall_nothing(format_: str) -> None:
    trial = Trial(format_)
    records = Fuzzer(seed=1, favoured=trial.good).records(20_000 if format_ == "auto" else 2000)
    while values := list(islice(records, 50)):
        trial.put(values)
    assert [value[:200] for value in trial.slow] == []
    assert trial.results["events"] > 100
    assert len(trial.results) > 8
