from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from kafka import KafkaConsumer

from stream.embedded.broker import EmbeddedBroker
from stream.simulate import scenario
from stream.simulate.play import play

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("keyed", [False, True])
def test_a_played_scenario_is_on_the_topic(*, keyed: bool) -> None:
    short = replace(scenario("benign"), span_s=3600.0)
    expected = list(short.lines())
    reported: list[int] = []
    with EmbeddedBroker() as broker:
        count = play(
            short,
            broker.bootstrap,
            "played",
            0,
            key_by_account=keyed,
            progress=lambda done, _: reported.append(done),
        )
        consumer = KafkaConsumer(
            "played",
            bootstrap_servers=broker.bootstrap,
            auto_offset_reset="earliest",
            consumer_timeout_ms=10_000,
        )
        records = [record for _, record in zip(expected, consumer, strict=False)]
        consumer.close()
    assert count == reported[-1] == len(expected)
    assert Counter(record.value for record in records) == Counter(expected)
    assert all((record.key is not None) == keyed for record in records)
