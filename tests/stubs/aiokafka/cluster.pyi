"""The newest metadata of a client."""

class ClusterMetadata:
    def partitions_for_topic(self, topic: str) -> set[int] | None: ...
