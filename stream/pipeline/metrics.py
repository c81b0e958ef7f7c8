"""What the partition tasks count: windows, pending rows, watermarks."""

from __future__ import annotations

from stream.accounts.metrics import AccountsMetrics
from stream.alerting.metrics import AlertingMetrics
from stream.campaigns.metrics import CampaignsMetrics
from stream.intake.metrics import IntakeMetrics
from stream.telemetry.declaration import OPEN, counter, gauge
from stream.telemetry.shared import STAGES
from stream.trace.metrics import TraceMetrics


class PipelineMetrics(
    IntakeMetrics, TraceMetrics, AccountsMetrics, CampaignsMetrics, AlertingMetrics
):
    """Event time; with the metrics of the stages that the pipeline runs."""

    windows_closed_total = counter(
        meaning="Windows of event time closed and processed",
        remedy="Zero while events arrive: one source partition holds the watermark back, see "
        "watermark_timestamp_seconds",
        unit="windows",
        labels={"stage": STAGES},
    )
    early_firings_total = counter(
        meaning="Windows closed before the watermark because too many rows were pending",
        remedy="Results may depend on arrival order: find the source partition that is behind, "
        "or raise windows.max_pending_rows",
        unit="windows",
        labels={"stage": STAGES},
    )
    pending_rows = gauge(
        meaning="Rows buffered until their window closes",
        remedy="Near windows.max_pending_rows: one source partition is far behind the others",
        unit="rows",
        labels={"stage": STAGES},
    )
    watermark_timestamp_seconds = gauge(
        meaning="Watermark (epoch): event time up to which a partition has processed everything; "
        "0 before its first event",
        remedy="time() minus this is the freshness of alerts; one partition behind: look at "
        "its worker",
        unit="seconds",
        labels={"stage": STAGES, "partition": OPEN},
        combine="max",
    )
    late_rows_total = counter(
        meaning="Rows dropped because their window was already closed",
        remedy="Raise windows.allowed_lateness_s to the delay seen in event_delay_seconds",
        unit="rows",
        labels={"stage": STAGES},
    )
    replayed_rows_total = counter(
        meaning="Re-sent rows recognised and ignored, as after a restart",
        remedy="None needed; a steady rate means that a worker keeps restarting",
        unit="rows",
        labels={"stage": STAGES},
    )
