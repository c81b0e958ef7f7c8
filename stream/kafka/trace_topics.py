"""Reads alerts, verdicts, decisions and stored answers for `distillwatch trace`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.decisions.signature import signature_of
from stream.kafka.compacted_topics import read

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiokafka import ConsumerRecord

    from stream.decisions.canary_register import CanaryRegister
    from stream.kafka.settings import KafkaSettings, TopicSettings
    from stream.trace.suspects import SuspectBook


def read_suspects(
    kafka: KafkaSettings,
    topics: TopicSettings,
    book: SuspectBook,
    progress: Callable[[int], None],
) -> None:
    """Read all incidents and verdicts into a book; raises TopicError, BrokerError, UsageError."""
    for topic, take in ((topics.alerts, book.take_alert), (topics.verdicts, book.take_verdict)):
        _each(kafka, topics, topic, take, progress)


def read_canaries(
    kafka: KafkaSettings,
    topics: TopicSettings,
    register: CanaryRegister,
    progress: Callable[[int], None],
) -> None:
    """Read all decisions into a register; raises TopicError, BrokerError, UsageError."""

    def take(records: Sequence[ConsumerRecord]) -> None:
        for record in records:
            register.take(record.key, record.value, signature_of(record.headers))
        progress(len(records))

    read(kafka, topics, topics.decisions, take)


def read_answers(
    kafka: KafkaSettings,
    topics: TopicSettings,
    take: Callable[[bytes | None], None],
    progress: Callable[[int], None],
) -> None:
    """Pass every record of stored answers to ``take``; raises TopicError, BrokerError."""
    _each(kafka, topics, topics.answers, take, progress)


def _each(
    kafka: KafkaSettings,
    topics: TopicSettings,
    topic: str,
    take: Callable[[bytes | None], None],
    progress: Callable[[int], None],
) -> None:
    def take_all(records: Sequence[ConsumerRecord]) -> None:
        for record in records:
            take(record.value)
        progress(len(records))

    read(kafka, topics, topic, take_all)
