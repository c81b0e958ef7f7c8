"""A drill as seen from outside: on the topics and in the offsets of consumer groups.

A sink commits an offset past the alert when it has handled it, with the result in the offset's
metadata; the workers commit past the drill's requests when their effects are durable.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast, get_args

from aiokafka import TopicPartition
from kafka.structs import TopicPartition as AdminPartition

from stream.core.alerts import Alert, alert_in
from stream.tools.drill.report import SinkResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aiokafka import AIOKafkaConsumer, ConsumerRecord
    from kafka import KafkaAdminClient
    from kafka.structs import OffsetAndMetadata

    from stream.settings import Settings

_POLL_MS: Final = 200
_RESULTS: Final = frozenset(get_args(SinkResult))


@dataclass
class Seen:
    """The records of a drill on the topics so far."""

    sent: dict[int, list[int]] = field(default_factory=dict)  # partition -> offsets, ascending
    dead_letters: Counter[str] = field(default_factory=Counter)
    alert: Alert | None = None
    at: tuple[int, int] = (0, 0)  # partition and offset of the first alert
    members: set[str] = field(default_factory=set)


class Watch:
    """Reads alerts and dead letters from now on."""

    def __init__(self, settings: Settings, planted: Iterable[str], seen: Seen) -> None:
        """Look for alerts about the ``planted`` accounts."""
        self._settings = settings
        self._planted = frozenset(planted)
        self._seen = seen
        self._topics = settings.topics

    async def start(self, consumer: AIOKafkaConsumer, partitions: Mapping[str, int]) -> None:
        """Go to the end of the topics; ``partitions`` has their numbers of partitions."""
        names = (self._topics.alerts, self._topics.deadletter)
        tps = [TopicPartition(name, n) for name in names for n in range(partitions[name])]
        consumer.assign(tps)
        for tp, end in (await consumer.end_offsets(tps)).items():
            consumer.seek(tp, end)

    async def look(self, consumer: AIOKafkaConsumer) -> None:
        """Read new records; waits a moment without any."""
        for tp, records in (await consumer.getmany(timeout_ms=_POLL_MS)).items():
            for record in records:
                if tp.topic == self._topics.deadletter:
                    self._on_dead_letter(dict(record.headers))
                else:
                    self._on_alert(record)

    def _on_dead_letter(self, headers: Mapping[str, bytes]) -> None:
        try:
            topic, reason = headers["source_topic"].decode(), headers["reason"].decode()
            partition, offset = int(headers["source_partition"]), int(headers["source_offset"])
        except (KeyError, ValueError):
            return  # of another producer
        if topic == self._topics.requests and offset in self._seen.sent.get(partition, ()):
            self._seen.dead_letters[reason] += 1

    def _on_alert(self, record: ConsumerRecord) -> None:
        alert = alert_in(record.value)
        if alert is None:
            return
        found = self._planted.intersection(alert.account_ids or ())
        if not alert.drill or not found or alert.status != "firing":
            return
        if self._seen.alert is None:
            self._seen.alert, self._seen.at = alert, (record.partition, record.offset)
        self._seen.members |= found


class Groups:
    """Reads the offsets of consumer groups."""

    def __init__(self, settings: Settings, admin: KafkaAdminClient) -> None:
        """Know the topics and the workers' group; ``admin`` is ours alone."""
        self._settings = settings
        self._admin = admin

    async def read(self, seen: Seen) -> int:
        """Return how many of the drill's requests the workers have committed."""
        topic, group = self._settings.topics.requests, self._settings.kafka.app_id
        found = await self._offsets([group], topic, seen.sent)
        committed = {tp.partition: at.offset for tp, at in found[group].items()}
        return sum(
            sum(offset < committed.get(partition, 0) for offset in offsets)
            for partition, offsets in seen.sent.items()
        )

    async def results(self, groups: Iterable[str], seen: Seen) -> dict[str, SinkResult]:
        """Return the results of the alert by group; waiting sinks are absent."""
        if seen.alert is None:
            return {}
        partition, offset = seen.at
        found = await self._offsets([*groups], self._settings.topics.alerts, [partition])
        return {
            group: _result(seen.alert.alert_id, at.metadata)
            for group, offsets in found.items()
            for at in offsets.values()
            if at.offset > offset
        }

    async def _offsets(
        self, groups: list[str], topic: str, partitions: Iterable[int]
    ) -> dict[str, dict[AdminPartition, OffsetAndMetadata]]:
        wanted = [AdminPartition(topic, partition) for partition in partitions]

        def fetch() -> dict[str, dict[AdminPartition, OffsetAndMetadata]]:
            # One by one: not every broker takes several groups at once.
            return {
                group: self._admin.list_group_offsets({group: wanted})[group] for group in groups
            }

        return await asyncio.to_thread(fetch)


def _result(alert_id: str, metadata: str | None) -> SinkResult:
    """Return a sink's result; without metadata its offset is at least past the alert."""
    name, _, result = (metadata or "").partition(" ")
    return cast("SinkResult", result) if name == alert_id and result in _RESULTS else "handled"
