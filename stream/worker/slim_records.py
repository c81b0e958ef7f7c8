"""Replaces the record class of aiokafka's consumers by a smaller one; it interprets no record.

aiokafka makes a frozen dataclass of eleven fields for every record: half of them are lengths,
checksums and deserialised copies that this worker does not use. That takes four microseconds, a
tenth of the whole cost of an event. There is no setting for it, so a subclass replaces the class
that unpacks records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiokafka.consumer import fetcher
from msgspec import Struct

from stream.kafka.fetched_records import TolerantPartitionRecords, read_any_fetch

if TYPE_CHECKING:
    from aiokafka import TopicPartition


class SlimRecord(Struct, frozen=True, gc=False):
    """A record as fetched; the names are those of aiokafka's ConsumerRecord."""

    topic: str
    partition: int
    offset: int
    timestamp: int | None
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class _SlimPartitionRecords(TolerantPartitionRecords):
    def _consumer_record(self, tp: TopicPartition, record: Any) -> SlimRecord:  # noqa: ANN401
        return SlimRecord(
            tp.topic,
            tp.partition,
            record.offset,
            record.timestamp,
            record.key,
            record.value,
            tuple(record.headers),
        )


def install_slim_records() -> None:
    """Make all consumers of this process return :class:`SlimRecord`; they have no deserialisers."""
    read_any_fetch()
    fetcher.PartitionRecords = _SlimPartitionRecords  # type: ignore[misc]  # a class is replaced
