"""Loads a worker's account directory from its topic and follows it; each worker reads all of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from stream.worker.table_feed import Rows, TableFeed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.intake.directory.directory import AccountDirectory, RejectedEntry
    from stream.kafka.settings import KafkaSettings
    from stream.worker.metrics import WorkerMetrics
    from stream.worker.table_feed import RejectedRow

_NAME: Final = "directory"


class DirectoryFeed(TableFeed):
    """The feed of the account directory."""

    def __init__(
        self,
        directory: AccountDirectory,
        *,
        kafka: KafkaSettings,
        topic: str,
        max_future_s: float,
        metrics: WorkerMetrics,
    ) -> None:
        """``max_future_s`` is how far ahead of the clock an account may have been created."""
        super().__init__(
            _NAME, "entry of the account directory", kafka=kafka, topic=topic, metrics=metrics
        )
        self._directory = directory
        self._max_future_s = max_future_s
        self._metrics = metrics
        self._written_s = 0.0

    def __len__(self) -> int:
        """Return how many accounts have an entry."""
        return len(self._directory)

    def load(self, rows: Rows) -> list[RejectedEntry]:
        """Load entries."""
        return self._directory.load(rows, latest=time.time() + self._max_future_s)

    def note(self, refused: Sequence[RejectedRow], written_s: float) -> None:
        """Count entries and rejected records."""
        for one in refused:
            self._metrics.directory_rejected_total.labels(reason=one.reason).inc()
        self._written_s = max(self._written_s, written_s)
        self._metrics.directory_entries.set(len(self._directory))
        self._metrics.directory_written_timestamp_seconds.set(self._written_s)
