"""The client inside a consumer."""

from enum import IntEnum

from aiokafka.cluster import ClusterMetadata

class ConnectionGroup(IntEnum):
    DEFAULT = 0

class AIOKafkaClient:
    cluster: ClusterMetadata
    async def close(self) -> None: ...
