"""Loads a worker's indicators of other operators and follows them; each worker reads all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stream.worker.table_feed import Rows, TableFeed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.intake.sharing.indicator_table import IndicatorTable, RejectedIndicator
    from stream.kafka.settings import KafkaSettings
    from stream.worker.metrics import WorkerMetrics
    from stream.worker.table_feed import RejectedRow

_NAME: Final = "indicators"


class IndicatorFeed(TableFeed):
    """The feed of the indicators topic."""

    def __init__(
        self, table: IndicatorTable, *, kafka: KafkaSettings, topic: str, metrics: WorkerMetrics
    ) -> None:
        """Load ``table``."""
        super().__init__(_NAME, "indicator", kafka=kafka, topic=topic, metrics=metrics)
        self._table = table
        self._metrics = metrics

    def __len__(self) -> int:
        """Return how many indicators are known."""
        return len(self._table)

    def load(self, rows: Rows) -> list[RejectedIndicator]:
        """Load indicators."""
        return self._table.load(rows)

    def note(self, refused: Sequence[RejectedRow], written_s: float) -> None:
        """Count indicators and rejected records."""
        del written_s
        for one in refused:
            self._metrics.foreign_indicators_rejected_total.labels(reason=one.reason).inc()
        self._metrics.foreign_indicators.set(len(self._table))
