"""Writing and reading the topics of what people say, from a command; a worker does not use this."""

from __future__ import annotations

import asyncio
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError as AioKafkaError
from kafka import KafkaProducer
from kafka.errors import KafkaError

from stream.errors import BrokerError, TopicError
from stream.kafka.connection import client_options, keep_trying
from stream.kafka.topics import find, missing
from stream.types.feedback import Suppression, later

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.kafka.settings import KafkaSettings, TopicSettings
    from stream.types.feedback import Judgement

_WITHIN_S: Final = 30.0
_POLL_MS: Final = 300
#: Some brokers tell ends too low: then nothing more must come.
_QUIET_POLLS: Final = 2


def write(
    kafka: KafkaSettings, topics: TopicSettings, topic: str, said: Judgement | Suppression
) -> None:
    """Write one record and wait until the brokers have it."""
    _partitions(kafka, topics, topic)
    with (
        _explained(kafka, f"{topic} cannot be written to"),
        closing(KafkaProducer(**client_options(kafka), acks="all")) as producer,
    ):
        sent = producer.send(topic, msgspec.json.encode(said), key=said.key.encode())
        sent.get(timeout=_WITHIN_S)


def suppressions(kafka: KafkaSettings, topics: TopicSettings) -> dict[str, Suppression]:
    """Return what the suppressions topic says of each, removed and ended ones included."""
    found: dict[str, Suppression] = {}
    topic = topics.suppressions
    partitions = _partitions(kafka, topics, topic)
    with _explained(kafka, f"{topic} cannot be read"):
        values = asyncio.run(asyncio.wait_for(_values(kafka, topic, partitions), _WITHIN_S))
    for value in values:
        try:
            said = msgspec.json.decode(value, type=Suppression)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # a worker makes a dead letter of it
        found[said.key] = later(found.get(said.key), said)
    return found


async def _values(kafka: KafkaSettings, topic: str, partitions: int) -> list[bytes]:
    """Return the values of a topic from its beginning to its end."""
    consumer = AIOKafkaConsumer(
        **client_options(kafka),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        tps = [TopicPartition(topic, number) for number in range(partitions)]
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        ends = await consumer.end_offsets(tps)
        values: list[bytes] = []
        quiet = 0
        while quiet < _QUIET_POLLS or any([await consumer.position(tp) < ends[tp] for tp in tps]):
            found = await consumer.getmany(timeout_ms=_POLL_MS)
            quiet = 0 if found else quiet + 1
            values += [r.value for records in found.values() for r in records if r.value]
        return values
    finally:
        await consumer.stop()


def _partitions(kafka: KafkaSettings, topics: TopicSettings, topic: str) -> int:
    """Return how many partitions a topic has; writing to one that is missing might make it."""
    found = keep_trying(kafka, lambda admin: find(admin, topics))
    if topic not in found:
        raise TopicError(missing(topic))
    return found[topic]


@contextmanager
def _explained(kafka: KafkaSettings, what: str) -> Iterator[None]:
    try:
        yield
    except (AioKafkaError, KafkaError, TimeoutError) as error:
        raise BrokerError(
            f"broker {kafka.bootstrap_servers}: {what}: {type(error).__name__} {error}"
        ) from error
