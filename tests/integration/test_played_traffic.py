from __future__ import annotations

import time
import uuid
from collections import Counter
from dataclasses import replace

import pytest
from kafka import KafkaConsumer

from stream.kafka.connection import connect
from stream.kafka.settings import KafkaSettings
from stream.tools.simulate import scenario
from stream.tools.simulate.play import play

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("keyed", [False, True])
def test_a_played_scenario_is_on_the_topic(bootstrap: str, *, keyed: bool) -> None:
    short = replace(scenario("benign"), span_s=3600.0)
    expected = list(short.lines())
    reported: list[int] = []
    topic = f"played-{uuid.uuid4().hex[:8]}"
    with connect(KafkaSettings(bootstrap_servers=bootstrap)) as admin:
        admin.create_topics({topic: {"num_partitions": 2, "replication_factor": 1}})
        admin.wait_for_topics([topic])
    before_s = time.time()
    count = play(
        short,
        bootstrap,
        topic,
        0,
        key_by_account=keyed,
        progress=lambda done, _: reported.append(done),
    )
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        consumer_timeout_ms=10_000,
    )
    records = [record for _, record in zip(expected, consumer, strict=False)]
    consumer.close()
    assert count == reported[-1] == len(expected)
    assert Counter(record.value for record in records) == Counter(expected)
    assert all((record.key is not None) == keyed for record in records)
    # Not by its events, which are of last spring: a topic would delete them before they are read.
    assert all(before_s - 1 < record.timestamp / 1000 < time.time() + 1 for record in records)
