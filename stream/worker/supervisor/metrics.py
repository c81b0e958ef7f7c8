"""What the supervisor of a worker's processes counts."""

from __future__ import annotations

from stream.telemetry.declaration import counter
from stream.telemetry.metric_set import MetricSet


class SupervisorMetrics(MetricSet):
    """Processes that ended; a worker of one process has none of these."""

    process_restarts_total = counter(
        meaning="Processes of a worker (worker.processes) that ended without being stopped and "
        "were started again, by how they ended",
        remedy="failed: the last lines of the process in the log have the reason; killed: a signal "
        "ended it, mostly for want of memory: raise the limit or lower worker.processes",
        unit="restarts",
        labels={"end": ("failed", "killed")},
    )
