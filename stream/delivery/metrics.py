"""What delivery counts, per receiver."""

from __future__ import annotations

from typing import Final

from stream.telemetry.declaration import OPEN, OVERFLOW, counter, gauge, histogram
from stream.telemetry.metric_set import MetricSet

DELIVERY_RESULTS: Final = (
    "delivered",
    "rejected",
    "timed_out",
    "filtered",
    "invalid",
    "failed",
    "skipped",
)
ATTEMPT_RESULTS: Final = (
    "2xx",
    "3xx",
    "4xx",
    "5xx",
    "timeout",
    "unreachable",
    "untrusted",
    OVERFLOW,
)


class DeliveryMetrics(MetricSet):
    """Alerts on their way to receivers."""

    sink_deliveries_total = counter(
        meaning="Alerts that a sink has finished, by result",
        remedy="rejected: the receiver refused the message, its log and ours name it; "
        "timed_out: the receiver was down for retry_for_s, the alerts topic still has "
        "the alert; invalid: another program writes to the alerts topic; failed: a "
        "bug, the log has its trace",
        unit="alerts",
        labels={"sink": OPEN, "result": DELIVERY_RESULTS},
    )
    sink_missed_total = counter(
        meaning="Alerts that the topic deleted before the sink had read them",
        remedy="The receiver was down for longer than the alerts topic keeps records: raise its "
        "retention (topics.alerts_retention_s where distillwatch creates it)",
        unit="alerts",
        labels={"sink": OPEN},
    )
    sink_attempts_total = counter(
        meaning="Delivery attempts, by answer",
        remedy="3xx, 404: correct the sink's url; 401, 403: correct the secret at one end; "
        "untrusted: check the receiver's certificate or the sink's ssl_cafile; 5xx, "
        "timeout, unreachable: the receiver is slow or down",
        unit="attempts",
        labels={"sink": OPEN, "result": ATTEMPT_RESULTS},
    )
    sink_delivery_seconds = histogram(
        meaning="Time from reading an alert to its delivery, retries included",
        remedy="This delays notification, not detection: see sink_attempts_total",
        unit="seconds",
        labels={"sink": OPEN},
        buckets=(0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 3600.0, 21600.0, 86400.0),
    )
    sink_queue_length = gauge(
        meaning="Alerts on the topic that a sink has not finished",
        remedy="Growing: the receiver is slow or down; nothing is lost, the topic keeps them",
        unit="alerts",
        labels={"sink": OPEN},
    )
    sink_oldest_seconds = gauge(
        meaning="Age of the oldest alert that a sink has read and not finished, 0 without any",
        remedy="Growing with sink_queue_length: the receiver fails, see sink_attempts_total. "
        "Growing alone: it fails on one incident, which the log names; alerts of other "
        "incidents are delivered",
        unit="seconds",
        labels={"sink": OPEN},
        combine="max",
    )
    sink_disabled = gauge(
        meaning="1 when the receiver answered 410 Gone; it gets nothing until a restart",
        remedy="Correct or empty the sink's url and restart the workers; the topic keeps the "
        "alerts until then",
        unit="bool",
        labels={"sink": OPEN},
        combine="max",
    )
    sink_broker_failures_total = counter(
        meaning="Times a sink lost the broker and read again",
        remedy="The log has the reason; alerts in flight are delivered again, none is lost",
        unit="failures",
        labels={"sink": OPEN},
    )
