"""Metrics of the HTTP bridge: posts, acknowledged records, pending bytes."""

from __future__ import annotations

from typing import Final

from stream.telemetry.declaration import counter, gauge
from stream.telemetry.metric_set import MetricSet

#: Result of a post -> its HTTP status.
RESULTS: Final = {
    "accepted": 200,
    "invalid": 400,
    "unauthorized": 401,
    "too_large": 413,
    "wrong_signal": 415,
    "busy": 429,
    "unavailable": 503,
}


class BridgeMetrics(MetricSet):
    """The metrics of the bridge, which is a process of its own."""

    bridge_requests_total = counter(
        meaning="Posts to the bridge, by result",
        remedy="invalid, too_large: check the gateway's log callback; wrong_signal: the exporter "
        "sends metrics, or logs without model calls; unauthorized: bridge.tokens differs from "
        "the token of the gateway; busy: start more bridges; unavailable: check the brokers",
        unit="requests",
        labels={"result": tuple(RESULTS)},
    )
    bridge_records_total = counter(
        meaning="Records that the brokers have acknowledged to the bridge",
        remedy="Zero while posts are accepted: check the brokers",
        unit="records",
    )
    bridge_pending_bytes = gauge(
        meaning="Bytes of posts that the brokers have not acknowledged yet",
        remedy="Near bridge.max_pending_bytes: the brokers are slow",
        unit="bytes",
    )
