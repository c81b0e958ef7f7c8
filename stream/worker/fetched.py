"""What aiokafka's consumers hand on for each record, made cheap; it interprets nothing.

aiokafka makes a frozen dataclass of eleven fields for every record, half of them lengths, checksums
and deserialised copies that nobody here asks for: four microseconds, a tenth of what an event costs
the whole worker. There is no setting for it, so the class that unpacks is replaced by a subclass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiokafka.consumer import fetcher
from msgspec import Struct

if TYPE_CHECKING:
    from aiokafka import TopicPartition


class Fetched(Struct, frozen=True, gc=False):
    """A record as it came; names are those of aiokafka's ConsumerRecord."""

    topic: str
    partition: int
    offset: int
    timestamp: int | None
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class _Unpacked(fetcher.PartitionRecords):
    def _consumer_record(self, tp: TopicPartition, record: Any) -> Fetched:  # noqa: ANN401
        return Fetched(
            tp.topic,
            tp.partition,
            record.offset,
            record.timestamp,
            record.key,
            record.value,
            tuple(record.headers),
        )


def fetch_cheaply() -> None:
    """Let all consumers of this process hand on :class:`Fetched`; they have no deserialisers."""
    fetcher.PartitionRecords = _Unpacked  # type: ignore[misc]  # a class is replaced
