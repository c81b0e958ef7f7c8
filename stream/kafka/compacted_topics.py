"""Writes and reads compacted topics for commands; a worker does not use this."""

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
from stream.kafka.topic_scan import scan_consumer, scan_to_end
from stream.kafka.topics import find, missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from aiokafka import ConsumerRecord

    from stream.core.feedback import Verdict
    from stream.kafka.settings import KafkaSettings, TopicSettings

_WITHIN_S: Final = 30.0


def write(
    kafka: KafkaSettings, topics: TopicSettings, topic: str, record: Verdict | Suppression
) -> None:
    """Write one record and wait until the brokers acknowledge it."""
    _partitions(kafka, topics, topic)
    with (
        _explained(kafka, f"{topic} cannot be written to"),
        closing(KafkaProducer(**client_options(kafka), acks="all")) as producer,
    ):
        sent = producer.send(topic, msgspec.json.encode(record), key=record.key.encode())
        sent.get(timeout=_WITHIN_S)


def write_all(
    kafka: KafkaSettings,
    topics: TopicSettings,
    topic: str,
    rows: Iterable[tuple[bytes, bytes | None]],
    *,
    headers: Callable[[bytes, bytes], list[tuple[str, bytes]]] | None = None,
) -> int:
    """Write keys with values (None removes) and wait for the brokers; return the number of keys."""
    _partitions(kafka, topics, topic)
    failures: list[BaseException] = []
    with (
        _explained(kafka, f"{topic} cannot be written to"),
        closing(KafkaProducer(**client_options(kafka), acks="all", linger_ms=50)) as producer,
    ):
        sent = 0
        for key, value in rows:
            sent += 1
            with_it = headers(key, value or b"") if headers else None
            producer.send(topic, value, key=key, headers=with_it).add_errback(failures.append)
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
    """Pass all records of a topic up to its current end to ``take``, in portions."""
    _partitions(kafka, topics, topic)
    with _explained(kafka, f"{topic} cannot be read"):
        asyncio.run(_read(kafka, topic, take))


def suppressions(kafka: KafkaSettings, topics: TopicSettings) -> dict[str, Suppression]:
    """Return the last state of each suppression, removed and expired ones included."""
    found: dict[str, Suppression] = {}

    def take(records: Sequence[ConsumerRecord]) -> None:
        for record in records:
            if not record.value:
                found.pop((record.key or b"").decode(errors="replace"), None)
                continue
            try:
                one = msgspec.json.decode(record.value, type=Suppression)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue  # a worker makes a dead letter of it, or it is no suppression
            found[one.key] = newer(found.get(one.key), one)

    read(kafka, topics, topics.suppressions, take)
    return found


async def _read(
    kafka: KafkaSettings, topic: str, take: Callable[[Sequence[ConsumerRecord]], None]
) -> None:
    """Fail when no portion arrives within the timeout; the whole may take longer."""
    async with scan_consumer(kafka, topic) as consumer:
        portions = scan_to_end(consumer, exact=kafka.transactions)
        while True:
            async with asyncio.timeout(_WITHIN_S):
                records = await anext(portions, None)
            if records is None:
                return
            take(records)


def _partitions(kafka: KafkaSettings, topics: TopicSettings, topic: str) -> int:
    """Return the number of partitions; raises for a missing topic: a write might create it."""
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
