"""A topic between two times of arrival, its partitions side by side.

Reads with no group and commits nothing. Every partition is a source of its own, as for a worker;
the one that is furthest behind is read next, so that none waits long for another.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from stream.core.drill import signature_of
from stream.core.errors import BrokerError, UsageError
from stream.core.records import Record
from stream.kafka.connection import client_options, keep_trying
from stream.tools.replay.files import BATCH_RECORDS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping

    from aiokafka import ConsumerRecord
    from kafka import KafkaAdminClient

    from stream.kafka.settings import KafkaSettings

#: Consecutive records of a partition; none when it has been read to its end.
Part = tuple[int, list[Record]]
#: The part of a partition that is read: first offset, offset to stop before.
Span = tuple[int, int]

_POLL_MS: Final = 500


@dataclass(frozen=True, slots=True)
class ArrivalSpan:
    """What arrived on a topic from ``since`` until before ``until``, epoch seconds.

    Some gateways write no times (APISIX); then all of the topic is meant.
    """

    topic: str
    since: float | None = None
    until: float | None = None


@dataclass(slots=True)
class _Partition:
    """How far a partition has been read; times are those of the broker, epoch seconds."""

    span: Span
    position: int
    fetched: list[Record] = field(default_factory=list)

    @property
    def behind(self) -> tuple[float, float]:
        """Return what orders partitions: time of the next record, else the share that is read."""
        first, end = self.span
        stamp = self.fetched[0].timestamp_s
        return (stamp or 0.0, (self.fetched[0].offset - first) / max(end - first, 1))


def partitions(kafka: KafkaSettings, topic: str) -> list[int]:
    """Return the partitions of a topic; raises UsageError when there is no such topic."""

    def find(admin: KafkaAdminClient) -> list[int]:
        # A request for the one topic would create it on brokers that create topics automatically.
        found = [one for one in admin.describe_topics() if one["name"] == topic]
        if not found:
            raise UsageError(f"topic {topic}: no such topic on {kafka.bootstrap_servers}")
        return sorted(one["partition_index"] for one in found[0]["partitions"])

    return keep_trying(kafka, find)


def parts(
    kafka: KafkaSettings,
    arrivals: ArrivalSpan,
    numbers: list[int],
    *,
    begin: Callable[[int], None] = lambda _: None,
) -> Iterator[Part]:
    """Yield the records of the partitions ``numbers``, and an empty part where one ends.

    ``begin`` is called with the number of offsets to read. Raises BrokerError.
    """
    with asyncio.Runner() as runner:
        found = _parts(kafka, arrivals, numbers, begin)
        try:
            while (part := runner.run(anext(found, None))) is not None:
                yield part
        except KafkaError as error:
            raise BrokerError(f"topic {arrivals.topic}: {type(error).__name__} {error}") from error
        finally:
            runner.run(found.aclose())


async def _parts(
    kafka: KafkaSettings, arrivals: ArrivalSpan, numbers: list[int], begin: Callable[[int], None]
) -> AsyncGenerator[Part, None]:
    consumer = AIOKafkaConsumer(
        **client_options(kafka),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed" if kafka.transactions else "read_uncommitted",
    )
    await consumer.start()
    try:
        tps = [TopicPartition(arrivals.topic, number) for number in numbers]
        consumer.assign(tps)
        spans = await _spans(consumer, tps, arrivals)
        begin(sum(end - first for first, end in spans.values()))
        for tp, (first, _) in spans.items():
            consumer.seek(tp, first)
        reader = _Reader(consumer, spans, stalled_after_s=kafka.start_timeout_s)
        async for part in reader.parts():
            yield part
    finally:
        await consumer.stop()


async def _spans(
    consumer: AIOKafkaConsumer, tps: list[TopicPartition], arrivals: ArrivalSpan
) -> dict[TopicPartition, Span]:
    begins, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
    stamped = await _first_since(consumer, tps, 0.0)
    since = await _first_since(consumer, tps, arrivals.since)
    until = await _first_since(consumer, tps, arrivals.until)
    spans = {}
    for tp in tps:
        first, end = begins[tp], ends[tp]
        late, after = since[tp], until[tp]
        if stamped[tp] is not None and arrivals.since is not None:
            first = end if late is None else late
        if stamped[tp] is not None and after is not None:
            end = after
        spans[tp] = (first, max(first, end))
    return spans


async def _first_since(
    consumer: AIOKafkaConsumer, tps: list[TopicPartition], time_s: float | None
) -> Mapping[TopicPartition, int | None]:
    """Return the first offset of each partition that arrived at a time or later."""
    if time_s is None:
        return dict.fromkeys(tps)
    found = await consumer.offsets_for_times(dict.fromkeys(tps, int(time_s * 1000)))
    return {tp: at.offset if (at := found.get(tp)) else None for tp in tps}


class _Reader:
    """Reads spans of partitions, none far ahead of the others."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        spans: Mapping[TopicPartition, Span],
        *,
        stalled_after_s: float,
    ) -> None:
        self._consumer = consumer
        self._open = {tp: _Partition(span, span[0]) for tp, span in spans.items()}
        self._stalled_after_s = stalled_after_s
        self._moved = time.monotonic()

    async def parts(self) -> AsyncIterator[Part]:
        while self._open:
            for tp in [tp for tp, one in self._open.items() if self._ended(one)]:
                self._consumer.pause(tp)
                del self._open[tp]
                yield tp.partition, []
            hungry = [tp for tp, one in self._open.items() if not one.fetched]
            if hungry:
                await self._fetch(hungry)
            elif self._open:
                tp = min(self._open, key=lambda tp: self._open[tp].behind)
                fetched, self._open[tp].fetched = self._open[tp].fetched, []
                yield tp.partition, fetched

    @staticmethod
    def _ended(one: _Partition) -> bool:
        # The position moves past what has no record: markers of transactions, compacted offsets.
        return not one.fetched and one.position >= one.span[1]

    async def _fetch(self, hungry: list[TopicPartition]) -> None:
        fed = [tp for tp in self._open if tp not in hungry]
        self._consumer.pause(*fed)
        self._consumer.resume(*hungry)
        found = await self._consumer.getmany(
            *hungry, timeout_ms=_POLL_MS, max_records=BATCH_RECORDS
        )
        for tp in hungry:
            one, before = self._open[tp], self._open[tp].position
            one.fetched = [
                _record(record) for record in found.get(tp, ()) if record.offset < one.span[1]
            ]
            one.position = await self._consumer.position(tp)
            if one.position > before:
                self._moved = time.monotonic()
        if time.monotonic() - self._moved > self._stalled_after_s:
            raise BrokerError(
                f"topic {hungry[0].topic}: nothing came of {len(hungry)} partitions for "
                f"{self._stalled_after_s:g} s"
            )


def _record(record: ConsumerRecord) -> Record:
    stamp = record.timestamp / 1000 if record.timestamp >= 0 else None
    return Record(record.offset, stamp, record.value or b"", signature_of(record.headers))
