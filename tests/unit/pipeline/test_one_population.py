"""Accounts are compared with those of the whole deployment, however many tasks share them."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from msgspec.structs import replace as changed

from stream.core.errors import PacketError
from stream.core.findings import AccountObservation
from stream.core.packets import ChunkHeader, pack
from stream.core.records import Record
from stream.metrics import Metrics
from stream.pipeline.build import alerting_task
from stream.pipeline.chain import Chain
from stream.settings import Settings

START = 1_772_409_600.0
HOURS = 14
HOUR_S = 3600.0
#: After this many hours an account begins that extracts.
LATE = 9
SETTINGS = Settings().stages
DETECTION = changed(SETTINGS.detection, min_requests=10, score_every_s=600.0)


def lines() -> list[bytes]:
    """Return the requests of forty services and of an extractor, minute by minute."""
    dice = np.random.default_rng(7)
    ratio, rate = dice.lognormal(0, 1, 40), dice.uniform(0.1, 0.3, 40)
    found = []
    for minute in range(60 * HOURS):
        asks = np.flatnonzero(dice.random(40) < rate).tolist()
        found += [
            request(minute, f"service-{i:02}", output=int(60 * ratio[i]), opened=-100) for i in asks
        ]
        if minute >= 60 * LATE:
            found += [request(minute, "lone", output=1500, opened=LATE - 0.5)] * 5
    return found


def request(minute: int, account: str, *, output: int, opened: float) -> bytes:
    event = {
        "timestamp": START + 60 * minute + 1,
        "account_id": account,
        "model": "atlas",
        "input_tokens": 500,
        "output_tokens": output,
        "account_created_at": START + opened * HOUR_S,
    }
    return json.dumps(event).encode()


@cache
def scores(tasks: int) -> list[tuple[float, str, float]]:
    """Return every score of an account at or above the clear score."""
    seen: list[tuple[float, str, float]] = []
    chain = Chain(
        replace(SETTINGS, tasks=tasks, detection=DETECTION),
        source="t",
        metrics=Metrics(strict=False),
        watch_scores=lambda time, names, score: seen.append((time, names[0], score)),
    )
    given = lines()
    for first in range(0, len(given), 500):
        records = [Record(first + i, None, v) for i, v in enumerate(given[first:][:500])]
        chain.process(records, now_s=2e9)
    chain.finish()
    return seen


@pytest.mark.parametrize("tasks", [2, 5])
def test_scores_do_not_depend_on_the_number_of_tasks(tasks: int) -> None:
    assert {name for _, name, _ in scores(1)} == {"lone"}
    assert scores(tasks) == scores(1)


def test_forty_accounts_of_five_tasks_are_a_population() -> None:
    # Each task alone has eight, fewer than detection.warm_up_accounts.
    first = min(time for time, _, _ in scores(5))
    assert DETECTION.warm_up_accounts > 40 / 5
    assert (first - START) / HOUR_S < LATE + 2


def test_an_observation_of_another_size_is_a_packet_error() -> None:
    observed = [AccountObservation("a", START, b"short")]
    task = alerting_task(replace(SETTINGS, tasks=1), Metrics(strict=False))
    with pytest.raises(PacketError, match="an observation that has not"):
        task.feed(0, pack(source=0, sources=2, header=ChunkHeader(START), observations=observed))
