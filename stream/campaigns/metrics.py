"""What the links stage and the cluster detector count."""

from __future__ import annotations

from stream.telemetry.declaration import OVERFLOW, counter, gauge
from stream.telemetry.shared import SharedMetrics


class CampaignsMetrics(SharedMetrics):
    """Values that link accounts."""

    indicators_tracked = gauge(
        meaning="Indicators (values that accounts share) with state in this worker",
        remedy="Near the limit of the campaigns section: raise it or add partitions",
        unit="values",
    )
    indicators_evicted_total = counter(
        meaning="Indicators evicted, by reason",
        remedy="capacity: raise the limit of the campaigns section",
        unit="rows",
        labels={"reason": ("expired", "high_prevalence", "capacity", OVERFLOW)},
    )
