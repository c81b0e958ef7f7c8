"""A partition with nothing but other traffic for now moves on with it, and holds nobody up."""

from __future__ import annotations

import json
from itertools import count

import pytest

from stream.core.records import Record
from stream.metrics import Metrics
from stream.pipeline.chain import Chain
from stream.settings import Settings
from testlib.paths import SAMPLES

START = 1_772_409_600.0
OTHER, REFUSED = map(json.loads, (SAMPLES / "kong_other.jsonl").read_text().splitlines())
[SPAN] = [
    {"resourceSpans": [resource | {"scopeSpans": [{"spans": [span]}]}]}
    for resource in json.loads((SAMPLES / "otlp_genai_traces.jsonl").read_text().splitlines()[0])[
        "resourceSpans"
    ]
    for span in resource["scopeSpans"][0]["spans"]
    if span["name"].startswith("execute_tool")
]


def call(time):
    return {"timestamp": time, "account_id": "a", "model": "m"}


def plain(time):
    return OTHER | {"started_at": time * 1000}


def refused(time):
    return REFUSED | {"started_at": time * 1000}


def tool(time):
    text = json.dumps(SPAN).replace("1760000000538000000", f"{int(time)}000000000")
    return json.loads(text)


class Fed:
    """A chain of two partitions, and what its metrics say."""

    def __init__(self):
        self.metrics = Metrics()
        stages = Settings().stages
        self.chain = Chain(stages, source="t", metrics=self.metrics, partitions=2)
        self.offsets = [count(), count()]

    def feed(self, partition, *values):
        records = [
            Record(next(self.offsets[partition]), None, json.dumps(value).encode())
            for value in values
        ]
        self.chain.process(records, now_s=START + 86_400, partition=partition)

    def sample(self, name, **labels):
        return self.metrics.registry.get_sample_value(f"distillwatch_{name}", labels)


@pytest.mark.parametrize("other", [plain, refused, tool])
@pytest.mark.parametrize("together", [False, True], ids=["alone", "in one array"])
def test_other_traffic_moves_the_clock(other, together):
    fed = Fed()
    for minute in range(30):
        time = START + 60 * minute
        fed.feed(0, call(time))
        fed.feed(1, [other(time), other(time + 1)] if together else other(time))
    # The last is open, and its watermark lies a grace before it, in the one before.
    assert fed.sample("windows_closed_total", stage="accounts") == 28


def test_it_moves_no_further_than_its_own_time():
    fed = Fed()
    for minute in range(30):
        fed.feed(0, call(START + 3600 + 60 * minute))
    for minute in range(30):
        fed.feed(1, plain(START + 60 * minute), plain(START + 60 * minute + 1))
        fed.feed(1, call(START + 60 * minute + 2))
    assert fed.sample("late_rows_total", stage="accounts") == 0


def test_an_absurd_time_moves_nothing():
    fed = Fed()
    fed.feed(1, plain(START * 1000), plain(0))
    fed.feed(1, call(START))
    fed.feed(0, call(START))
    assert fed.sample("late_rows_total", stage="accounts") == 0
