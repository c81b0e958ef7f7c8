"""Reads what an export is made of, and reads and writes indicators of other operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stream.core.indicators import ForeignIndicator
from stream.decisions.signature import Signer, signature_of
from stream.kafka.compacted_topics import read, write_all
from stream.kafka.topics import SHAREABLE, topic_of
from stream.sharing.export_book import ExportBook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from aiokafka import ConsumerRecord

    from stream.decisions.settings import DecisionSettings
    from stream.kafka.settings import KafkaSettings, TopicSettings

_decode = msgspec.json.Decoder(ForeignIndicator).decode


def export_book(
    kafka: KafkaSettings,
    topics: TopicSettings,
    settings: DecisionSettings,
    wanted: frozenset[str],
    period: tuple[float, float],
) -> ExportBook:
    """Return the records about the wanted campaigns, or those of a period.

    Without ``decisions.key`` decisions are not read. Raises TopicError, BrokerError, SettingsError,
    and UsageError where there are too many campaigns.
    """
    signer = Signer(settings.key) if settings.key else None
    book = ExportBook(wanted, period, signer, settings.max_decisions)

    def each(topic: str, take: Callable[[ConsumerRecord], None]) -> None:
        def take_all(records: Sequence[ConsumerRecord]) -> None:
            for record in records:
                take(record)

        read(kafka, topics, topic, take_all)

    each(topics.alerts, lambda record: book.take_alert(record.value))
    if signer is not None:
        each(
            topics.decisions,
            lambda record: book.take_decision(
                record.key, record.value, signature_of(record.headers)
            ),
        )
    each(topics.verdicts, lambda record: book.take_verdict(record.value))
    each(topics.indicators, lambda record: book.take_foreign(record.value))
    each(topic_of(topics, SHAREABLE), lambda record: book.take_value(record.value))
    return book


def foreign_indicators(kafka: KafkaSettings, topics: TopicSettings) -> dict[str, ForeignIndicator]:
    """Return the last state of each indicator on the topic, withdrawn ones included."""
    found: dict[str, ForeignIndicator] = {}

    def take(records: Sequence[ConsumerRecord]) -> None:
        for record in records:
            if record.value is None:
                found.pop((record.key or b"").decode(errors="replace"), None)
                continue
            try:
                one = _decode(record.value)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                continue  # workers count it
            found[one.key] = one

    read(kafka, topics, topics.indicators, take)
    return found


def remove_indicators(kafka: KafkaSettings, topics: TopicSettings, ids: Iterable[str]) -> int:
    """Remove indicators and wait for the brokers; return how many they were."""
    return write_all(kafka, topics, topics.indicators, ((one.encode(), None) for one in ids))


def write_indicators(
    kafka: KafkaSettings, topics: TopicSettings, indicators: Iterable[ForeignIndicator]
) -> int:
    """Write indicators and wait for the brokers; return how many they were."""
    rows = ((one.key.encode(), msgspec.json.encode(one)) for one in indicators)
    return write_all(kafka, topics, topics.indicators, rows)
