"""Reads the alerts topic for commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.core.alerts import Alert, alert_in
from stream.kafka.compacted_topics import read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiokafka import ConsumerRecord

    from stream.kafka.settings import KafkaSettings, TopicSettings


def latest_alert(kafka: KafkaSettings, topics: TopicSettings, alert_id: str) -> Alert | None:
    """Return the latest state of an incident, None where the topic has none."""
    found: list[Alert] = []

    def take(records: Sequence[ConsumerRecord]) -> None:
        states = (alert_in(record.value) for record in records)
        found.extend(state for state in states if state and state.alert_id == alert_id)
        del found[:-1]

    read(kafka, topics, topics.alerts, take)
    return found[0] if found else None
