"""What the partition tasks count: windows, pending rows, watermarks."""

from __future__ import annotations

from stream.accounts.metrics import AccountsMetrics
from stream.alerting.metrics import AlertingMetrics
from stream.intake.metrics import IntakeMetrics
from stream.telemetry.declaration import OPEN, counter, gauge
from stream.telemetry.shared import STAGES


class PipelineMetrics(IntakeMetrics, AccountsMetrics, AlertingMetrics):
    """Event time; with the metrics of the stages that the pipeline runs."""

    steps_closed_total = counter(
        meaning="Steps of event time that were processed",
        remedy="Zero while events come in: a source holds the watermark back, see "
        "watermark_timestamp_seconds",
        unit="steps",
        labels={"stage": STAGES},
    )
    steps_forced_total = counter(
        meaning="Steps that ended early because too many rows were pending",
        remedy="Results may depend on arrival order: raise windows.max_pending_rows or find "
        "the source that is behind",
        unit="steps",
        labels={"stage": STAGES},
    )
    pending_rows = gauge(
        meaning="Rows that wait for the end of their step",
        remedy="Near windows.max_pending_rows: one source partition is far behind the others",
        unit="rows",
        labels={"stage": STAGES},
    )
    watermark_timestamp_seconds = gauge(
        meaning="Event time (epoch) up to which a lane has processed everything; 0 before its "
        "first event",
        remedy="time() minus this is the freshness of alerts; one lane behind: its worker",
        unit="seconds",
        labels={"stage": STAGES, "lane": OPEN},
    )
    late_rows_total = counter(
        meaning="Rows dropped because their step of event time was already closed",
        remedy="Raise windows.allowed_lateness_s to the delay seen in event_delay_seconds",
        unit="rows",
        labels={"stage": STAGES},
    )
    repeated_rows_total = counter(
        meaning="Re-sent rows recognised and ignored, as after a restart",
        remedy="None needed; a steady rate means that a worker restarts all the time",
        unit="rows",
        labels={"stage": STAGES},
    )
