"""Makes dead letters: a record that cannot be used, its source and the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.core.records import Emission

if TYPE_CHECKING:
    from stream.core.records import Record
    from stream.pipeline.metrics import PipelineMetrics


class DeadLetters:
    """Makes the dead letters of one topic."""

    def __init__(self, topic: str, *, most_bytes: int, metrics: PipelineMetrics) -> None:
        """``topic`` is the source of the records; at most ``most_bytes`` of a value are kept."""
        self._topic = topic
        self._most_bytes = most_bytes
        self._metrics = metrics

    def letter(self, partition: int, record: Record, reason: str) -> Emission:
        """Return the dead letter of a record; ``reason`` is one of the declared ones."""
        self._metrics.dead_letters_total.labels(reason=reason).inc()
        headers = [
            ("source_topic", self._topic),
            ("source_partition", str(partition)),
            ("source_offset", str(record.offset)),
            ("reason", reason),
        ]
        if len(record.value) > self._most_bytes:
            # The headers point to the whole record, as long as its topic keeps it.
            headers.append(("original_bytes", str(len(record.value))))
            self._metrics.limit_hits_total.labels(limit="dead_letters").inc()
        return Emission(
            role="deadletter",
            partition=None,
            key=None,
            value=record.value[: self._most_bytes],
            headers=tuple((name, value.encode()) for name, value in headers),
        )
