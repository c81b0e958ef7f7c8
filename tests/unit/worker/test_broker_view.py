"""What the client of the consumer's thread knows, asked from another thread.

The client changes while it is asked: the test lets what it knows change after every possible read.
"""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.cluster import ClusterMetadata
from aiokafka.consumer.subscription_state import Assignment

from stream.worker.broker_view import BrokerView
from stream.worker.record_batch import TP

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ONE = TopicPartition("requests", 0)
READS = range(6)


class Changing:
    """A value that is another one after so many reads."""

    def __init__(self, before: object, after: object, reads: int) -> None:
        self.values = [before] * reads
        self.after = after

    def read(self, _: object = None) -> Any:
        return self.values.pop() if self.values else self.after


class Client:
    """A client of aiokafka without brokers; the test assigns partitions and answers fetches."""

    def __init__(self) -> None:
        self.client: Any = AIOKafkaConsumer("requests")
        consumer: Any = SimpleNamespace(_thread=SimpleNamespace(_consumer=self.client))
        self.view = BrokerView(consumer)
        self.mine, self.none = Assignment([ONE]), Assignment([])

    def assign(self, before: Assignment, after: Assignment | None = None, reads: int = 0) -> None:
        changing = Changing(before, after or before, reads)
        subscription = type("Subscription", (), {"assignment": property(changing.read)})
        self.client._subscription._subscription = subscription()

    def answered(self, end: int, ago_s: float) -> None:
        state = self.mine.state_value(ONE)
        state.highwater, state.timestamp = end, (time.time() - ago_s) * 1000

    def end(self) -> int | None:
        return self.view.end(TP(*ONE), within_s=10.0)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    made = Client()
    subscription = made.client._subscription._subscription
    yield made
    made.client._subscription._subscription = subscription
    await made.client.stop()


async def test_the_end_is_that_of_a_recent_answer_about_an_assigned_partition(
    client: Client,
) -> None:
    assert client.end() is None
    client.assign(client.mine)
    assert client.end() is None
    client.answered(7, ago_s=1.0)
    assert client.end() == 7
    client.answered(8, ago_s=11.0)
    assert client.end() is None
    client.answered(9, ago_s=1.0)
    client.assign(client.none)
    assert client.end() is None


@pytest.mark.parametrize("reads", READS)
async def test_a_partition_may_be_revoked_at_any_moment(client: Client, reads: int) -> None:
    client.answered(7, ago_s=0.0)
    client.assign(client.mine, client.none, reads)
    assert client.end() == (7 if reads else None)


@pytest.mark.parametrize("reads", READS)
async def test_a_topic_may_vanish_at_any_moment(client: Client, reads: int) -> None:
    changing = Changing({"requests": {0: None, 1: None}}, {}, reads)
    kind: Any = type("Cluster", (ClusterMetadata,), {"_partitions": property(changing.read)})
    client.client._client.cluster = kind.__new__(kind)
    assert client.view.partitions("requests") in ({2, None} if reads else {None})
