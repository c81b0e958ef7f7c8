"""The client inside a consumer."""

from aiokafka.cluster import ClusterMetadata

class AIOKafkaClient:
    cluster: ClusterMetadata
    async def close(self) -> None: ...
