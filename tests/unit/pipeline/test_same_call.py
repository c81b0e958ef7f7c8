"""A log in which calls stand twice gives what the log gives in which they stand once."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from stream.core.packets import link_rows, unpack
from stream.core.records import Record
from stream.metrics import Metrics
from stream.pipeline.build import accounts_task, intake
from stream.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.pipeline.settings import StageSettings

SETTINGS = replace(Settings().stages, tasks=1)
START = 1_760_000_000.0


def log(requests: int = 400) -> list[dict[str, Any]]:
    rng = random.Random(3)
    return [
        {
            "timestamp": START + n * 3.0,
            "account_id": f"a{rng.randrange(20)}",
            "model": "m",
            "request_id": f"r{n}",
            "client_ip": f"203.0.113.{rng.randrange(40)}",
            "prompt": f"question {rng.randrange(50)}",
            "input_tokens": rng.randrange(1, 400),
            "output_tokens": rng.randrange(1, 900),
        }
        for n in range(requests)
    ]


def played(
    events: list[dict[str, Any]], settings: StageSettings = SETTINGS
) -> tuple[list[list[Any]], Metrics]:
    """Return the links that the accounts stage sends on, and what was counted."""
    metrics = Metrics()
    source = intake(settings, topic="t", metrics=metrics)
    task = accounts_task(settings, 0, metrics)
    sent = []
    for first in range(0, len(events), 20):
        records = [
            Record(first + n, None, msgspec.json.encode(event))
            for n, event in enumerate(events[first : first + 20])
        ]
        for emission in source.process(0, records, now_s=2e9):
            sent += task.feed(len(sent), emission.value)
    sent += task.finish()
    return links(one.value for one in sent if one.role == "links"), metrics


def links(packets: Iterable[bytes]) -> list[list[Any]]:
    """Return all rows of links, with the account's id; packets may be cut anywhere."""
    rows = []
    for packet in map(unpack, packets):
        batch = link_rows(packet)
        columns = dict(batch.columns) | {
            "account": [batch.accounts[n] for n in batch.columns["account"].tolist()]
        }
        rows += [[str(value) for value in row] for row in zip(*columns.values(), strict=True)]
    return rows


def result(metrics: Metrics, result: str) -> float:
    return (
        metrics.registry.get_sample_value("distillwatch_request_ids_total", {"result": result}) or 0
    )


@pytest.mark.parametrize("apart_s", [0.0, 0.02, 130.0])
def test_what_is_logged_twice_counts_once(apart_s: float) -> None:
    once = log()
    again = [event | {"timestamp": event["timestamp"] + apart_s} for event in once]
    twice = sorted(once + again, key=lambda event: event["timestamp"])
    expected, plain = played(once)
    # What comes later than the last call would only make time go on.
    found, metrics = played([event for event in twice if event["timestamp"] < START + 1200])
    assert (result(plain, "duplicate"), result(plain, "reused")) == (0, 0)
    assert result(metrics, "duplicate") > 300
    assert result(metrics, "reused") == 0
    assert tokens(metrics) == tokens(plain)
    assert found == expected
    assert len(expected) > 300


def tokens(metrics: Metrics) -> list[float]:
    (family,) = metrics.observed_tokens_total.collect()
    return [sample.value for sample in family.samples if sample.name.endswith("_total")]


def test_ids_of_two_accounts_have_nothing_to_do_with_each_other() -> None:
    events = [
        event | {"request_id": "same", "account_id": f"a{n}"} for n, event in enumerate(log(50))
    ]
    _, metrics = played(events)
    assert (result(metrics, "duplicate"), result(metrics, "reused")) == (0, 0)


def test_a_window_of_zero_counts_all() -> None:
    intake_settings = msgspec.structs.replace(SETTINGS.intake, duplicate_window_s=0.0)
    off = replace(SETTINGS, intake=intake_settings)
    once = log()
    twice = [event for event in once for _ in range(2)]
    _, metrics = played(twice, off)
    _, plain = played(once, off)
    assert sum(tokens(metrics)) == 2 * sum(tokens(plain))
    assert result(metrics, "duplicate") == 0
