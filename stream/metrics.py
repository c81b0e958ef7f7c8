"""The catalogue: every metric of the product, composed of the rooms' declarations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.http.bridge.metrics import BridgeMetrics
from stream.http.enforcer.metrics import EnforcerMetrics
from stream.telemetry.declaration import OPEN, info
from stream.telemetry.metric_set import table_of
from stream.worker.metrics import WorkerMetrics

if TYPE_CHECKING:
    from stream.telemetry.declaration import Metric


class Metrics(WorkerMetrics):
    """Every metric of a worker; `replay` and `demo` use the same."""

    build_info = info(
        meaning="Version of the product and of Python",
        remedy="Differs between workers: a rollout is not finished",
        unit="info",
        labels={"version": OPEN, "python": OPEN},
    )


def table() -> tuple[Metric, ...]:
    """Return the metrics of a worker, which dashboards, alert rules and the runbook cover."""
    return table_of(Metrics)


def catalogue() -> tuple[Metric, ...]:
    """Return every declared metric: those of a worker, of the bridge, of the enforcer."""
    own = (one for one in table_of(EnforcerMetrics) if one not in table())
    return *table(), *table_of(BridgeMetrics), *own
