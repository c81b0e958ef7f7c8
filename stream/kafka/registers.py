"""Writing and reading compacted topics, from a command; a worker does not use this."""

from __future__ import annotations

import asyncio
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

import msgspec
from aiokafka.errors import KafkaError as AioKafkaError
from kafka import KafkaProducer
from kafka.errors import KafkaError

from stream.core.errors import BrokerError, TopicError
from stream.core.feedback import Suppression, newer
from stream.kafka.connection import client_options, keep_trying
from stream.kafka.topics import find, missing
from stream.kafka.whole import to_end, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from aiokafka import ConsumerRecord

    from stream.core.feedback import Verdict
    from stream.kafka.settings import KafkaSettings, TopicSettings

_WITHIN_S: Final = 30.0


def write(
    kafka: KafkaSettings, topics: TopicSettings, topic: str, said: Verdict | Suppression
) -> None:
    """Write one record and wait until the brokers have it."""
    _partitions(kafka, topics, topic)
    with (
        _explained(kafka, f"{topic} cannot be written to"),
        closing(KafkaProducer(**client_options(kafka), acks="all")) as producer,
    ):
        sent = producer.send(topic, msgspec.json.encode(said), key=said.key.encode())
        sent.get(timeout=_WITHIN_S)


def write_all(
    kafka: KafkaSettings,
    topics: TopicSettings,
    topic: str,
    rows: Iterable[tuple[bytes, bytes | None]],
) -> int:
    """Write keys with their values (None removes); return how many the brokers have then: all."""
    _partitions(kafka, topics, topic)
    failures: list[BaseException] = []
    with (
        _explained(kafka, f"{topic} cannot be written to"),
        closing(KafkaProducer(**client_options(kafka), acks="all", linger_ms=50)) as producer,
    ):
        sent = 0
        for key, value in rows:
            sent += 1
            producer.send(topic, value, key=key).add_errback(failures.append)
            if failures:
                break
        producer.flush(timeout=_WITHIN_S)
        if failures:
            raise failures[0]
    return sent


def read(
    kafka: KafkaSettings,
    topics: TopicSettings,
    topic: str,
    take: Callable[[Sequence[ConsumerRecord]], None],
) -> None:
    """Hand on all records of a topic, portion by portion, to the end of now."""
    _partitions(kafka, topics, topic)
    with _explained(kafka, f"{topic} cannot be read"):
        asyncio.run(_read(kafka, topic, take))


def suppressions(kafka: KafkaSettings, topics: TopicSettings) -> dict[str, Suppression]:
    """Return what the suppressions topic says of each, removed and ended ones included."""
    found: dict[str, Suppression] = {}
    values: list[bytes] = []
    read(
        kafka, topics, topics.suppressions, lambda rs: values.extend(r.value for r in rs if r.value)
    )
    for value in values:
        try:
            said = msgspec.json.decode(value, type=Suppression)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # a worker makes a dead letter of it
        found[said.key] = newer(found.get(said.key), said)
    return found


async def _read(
    kafka: KafkaSettings, topic: str, take: Callable[[Sequence[ConsumerRecord]], None]
) -> None:
    """Give up when nothing comes for a while; how long all takes depends on how much there is."""
    async with whole(kafka, topic) as consumer:
        portions = to_end(consumer, exact=kafka.transactions)
        while True:
            async with asyncio.timeout(_WITHIN_S):
                records = await anext(portions, None)
            if records is None:
                return
            take(records)


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
