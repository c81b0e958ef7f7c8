"""One term of the leader: reads the decisions topic whole, then follows the other topics."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from stream.core.alerts import alert_in
from stream.core.feedback import Verdict
from stream.decisions.signature import signature_of
from stream.delivery.topic_reader import written_s
from stream.kafka.ends import EndTracker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

    from stream.decisions.bookkeeping import Bookkeeping
    from stream.decisions.transitions import Stored
    from stream.enforcement.daily_traffic import DailyTraffic
    from stream.enforcement.decision_gauges import DecisionGauges
    from stream.enforcement.decision_writer import DecisionWriter
    from stream.kafka.settings import TopicSettings

_LOG = logging.getLogger("stream.enforcement.term")
_POLL_MS: Final = 500
_CHECK_EVERY_S: Final = 2.0
_verdict = msgspec.json.Decoder(Verdict).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class TermEdges:
    """What a term reads from and writes to; ``consumer`` reads all four topics."""

    consumer: AIOKafkaConsumer
    decisions: DecisionWriter
    audit: DecisionWriter
    traffic: DailyTraffic
    gauges: DecisionGauges
    clock: Callable[[], float] = time.time


class Term:
    """From becoming the leader to not being it any more."""

    def __init__(
        self,
        bookkeeping: Bookkeeping,
        edges: TermEdges,
        *,
        topics: TopicSettings,
        recent_s: float,
        exact: bool,
    ) -> None:
        """The consumer reads decisions, alerts, verdicts and effects of ``topics``.

        Alerts that were written more than ``recent_s`` seconds ago are passed over. Unless
        ``exact``, brokers may report the end of a topic too low.
        """
        self._books = bookkeeping
        self._consumer = edges.consumer
        self._decisions, self._audit = edges.decisions, edges.audit
        self._traffic = edges.traffic
        self._gauges, self._clock = edges.gauges, edges.clock
        self._topic, self._alerts = topics.decisions, topics.alerts
        self._states_of: dict[str, Callable[[ConsumerRecord], list[Stored]]] = {
            topics.alerts: self._on_alert,
            topics.verdicts: self._on_verdict,
            topics.effects: self._on_effect,
        }
        self._recent_s = recent_s
        self._exact = exact
        self._checked_s = 0.0

    async def run(self, leads: Callable[[], bool]) -> None:
        """Follow the topics until ``leads`` is false."""
        (partition,) = [tp for tp in self._consumer.assignment() if tp.topic == self._topic]
        await self._catch_up(partition)
        while leads():
            batches = await self._consumer.getmany(timeout_ms=_POLL_MS)
            await self._note(batches.pop(partition, []))
            for topic_partition, records in batches.items():
                states_of = self._states_of[topic_partition.topic]
                if topic_partition.topic == self._alerts:
                    await self._traffic.renew(self._clock())
                for record in records:
                    await self._write(partition, states_of(record))
            if self._clock() - self._checked_s > _CHECK_EVERY_S:
                self._checked_s = self._clock()
                await self._write(partition, self._books.on_time(self._checked_s))
                self._gauges.show(self._books, self._checked_s)

    async def _catch_up(self, partition: TopicPartition) -> None:
        ends = EndTracker(
            self._consumer, await self._consumer.end_offsets([partition]), exact=self._exact
        )
        while True:
            portion = await self._consumer.getmany(partition, timeout_ms=_POLL_MS)
            await self._note(portion.get(partition, []))
            if await ends.reached([partition]):
                return

    async def _write(self, partition: TopicPartition, states: Sequence[Stored]) -> None:
        """Write states, and read the topic beyond them: the next alert has to see them."""
        if not states:
            return
        last = await self._decisions.write(states)
        while await self._consumer.position(partition) <= last:
            portion = await self._consumer.getmany(partition, timeout_ms=_POLL_MS)
            await self._note(portion.get(partition, []))

    async def _note(self, records: Sequence[ConsumerRecord]) -> None:
        """Take in records of the decisions topic, and append them to the audit."""
        repaired: dict[str, Stored] = {}  # each once, however often it was overwritten
        for record in records:
            reading, states = self._books.on_record(
                record.key,
                record.value,
                signature_of(record.headers),
                offset=record.offset,
                time=self._clock(),
            )
            self._gauges.count(reading)
            repaired.update((one.decision.key, one) for one in states)
        await self._audit.append((b"", entry) for entry in self._books.take_entries())
        await self._decisions.write(repaired.values())

    def _on_alert(self, record: ConsumerRecord) -> list[Stored]:
        written, now = written_s(record), self._clock()
        if now - written > self._recent_s:
            return []
        alert = alert_in(record.value)
        if alert is None:
            return []
        requests = self._traffic.requests
        return self._books.on_alert(alert, now, alerted_at=written, requests_a_day=requests)

    def _on_effect(self, record: ConsumerRecord) -> list[Stored]:
        signature = signature_of(record.headers)
        self._gauges.count_effect(self._books.effects.read(record.key, record.value, signature))
        return []

    def _on_verdict(self, record: ConsumerRecord) -> list[Stored]:
        try:
            verdict = _verdict(record.value or b"")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            _LOG.warning("%s: nothing to read at %d", record.topic, record.offset)
            return []
        return self._books.on_verdict(verdict, self._clock())
