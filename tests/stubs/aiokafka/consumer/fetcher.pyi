"""Unpacks fetched record sets; the product replaces the classes (stream/kafka, stream/worker)."""

from collections.abc import Iterator
from typing import Any

from aiokafka import TopicPartition

class PartitionRecords:
    next_fetch_offset: int
    _records: Any
    _tp: TopicPartition
    _records_iterator: Iterator[Any]
    def __next__(self) -> Any: ...
    def _unpack_records(self) -> Iterator[Any]: ...
    def _consumer_record(self, tp: TopicPartition, record: Any) -> Any: ...

MemoryRecords: Any
