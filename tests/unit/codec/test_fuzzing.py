"""Hostile records of a seed, as ``make fuzz`` draws a million of them."""

from itertools import islice
from typing import get_args

import pytest

from stream.intake.codec.settings import Format
from testlib.traffic.fuzzing import Fuzzer, Trial


@pytest.mark.parametrize("format_", get_args(Format))
def test_hostile_records_are_events_or_rejects_and_harm_no_other(format_: str) -> None:
    trial = Trial(format_)
    # A fixed format reads few of all samples: half of the records are made of those it does.
    favoured = () if format_ == "auto" else trial.good
    records = Fuzzer(seed=11, favoured=favoured).records(5000 if format_ == "auto" else 1000)
    while values := list(islice(records, 50)):
        trial.put(values)
    assert [value[:200] for value in trial.slow] == []
    assert trial.results["events"] > 100
    assert len(trial.results) > 5
