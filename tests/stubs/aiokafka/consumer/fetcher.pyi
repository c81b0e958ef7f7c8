"""Unpacks fetched record sets; the product replaces the class (stream/worker)."""

from typing import Any

from aiokafka import TopicPartition

class PartitionRecords:
    def _consumer_record(self, tp: TopicPartition, record: Any) -> Any: ...
