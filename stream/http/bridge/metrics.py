"""What the bridge counts; a process of its own, so apart from the worker's table."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

#: How a post ended -> its status.
RESULTS: Final = {
    "accepted": 200,
    "invalid": 400,
    "unauthorized": 401,
    "too_large": 413,
    "wrong_signal": 415,
    "busy": 429,
    "unavailable": 503,
}


class BridgeMetrics:
    """One registry with everything in it."""

    def __init__(self) -> None:
        """Begin every series at zero."""
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "distillwatch_bridge_requests_total",
            "Posts by how they ended. invalid, too_large: the gateway's log callback; "
            "wrong_signal: metrics, or logs without calls: what the exporter is set to send; "
            "unauthorized: bridge.tokens at one end; busy: more bridges; unavailable: the brokers",
            ["result"],
            registry=self.registry,
        )
        self.records = Counter(
            "distillwatch_bridge_records_total",
            "Records that the brokers have acknowledged",
            registry=self.registry,
        )
        self.pending = Gauge(
            "distillwatch_bridge_pending_bytes",
            "Bodies held until the brokers have them; near bridge.max_pending_bytes: the brokers "
            "are slow",
            registry=self.registry,
        )
        for result in RESULTS:
            self.requests.labels(result=result)
