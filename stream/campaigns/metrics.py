"""What the links stage and the cluster detector count."""

from __future__ import annotations

from stream.telemetry.declaration import OVERFLOW, counter, gauge
from stream.telemetry.shared import SharedMetrics


class CampaignsMetrics(SharedMetrics):
    """Values that link accounts."""

    links_tracked = gauge(
        meaning="Linking values with state in this worker",
        remedy="Near the limit of the campaigns section: raise it or add partitions",
        unit="values",
    )
    links_evicted_total = counter(
        meaning="Linking values forgotten, by reason",
        remedy="reason=capacity: raise the limit of the campaigns section",
        unit="rows",
        labels={"reason": ("expired", "popular", "capacity", OVERFLOW)},
    )
