"""What a worker counts: lag, checkpoints, rebalances."""

from __future__ import annotations

from stream.delivery.metrics import DeliveryMetrics
from stream.enforcement.metrics import DecisionMetrics
from stream.networks.metrics import NetworkMetrics
from stream.pipeline.metrics import PipelineMetrics
from stream.pipeline.state_parts import NAMES as PARTS
from stream.telemetry.declaration import OPEN, counter, gauge, histogram
from stream.telemetry.shared import STAGES
from stream.worker.supervisor.metrics import SupervisorMetrics


class WorkerMetrics(
    PipelineMetrics, DeliveryMetrics, NetworkMetrics, DecisionMetrics, SupervisorMetrics
):
    """One worker process; with those of the pipeline, receivers, databases and decisions.

    Those of the supervisor are 0 in a process, so that every worker has them.
    """

    consumer_lag_records = gauge(
        meaning="Records of a partition that are not yet processed",
        remedy="Growing for 15 minutes: add workers up to the number of partitions",
        unit="records",
        labels={"topic": OPEN, "partition": OPEN},
        combine="max",
    )
    consumer_lag_seconds = gauge(
        meaning="Age of the oldest record that is not yet processed",
        remedy="This is how late alerts are: add workers, or look for a stuck one",
        unit="seconds",
        labels={"topic": OPEN},
        combine="max",
    )
    busy_cores = gauge(
        meaning="Cores that the worker kept busy while records waited for longer than two seconds; "
        "0 while none do",
        remedy="Below 0.9 with a backlog: other processes take the processor, or brokers are slow, "
        "see broker_silence_seconds and state_flush_seconds. About 1: add workers",
        unit="cores",
    )
    records_lost_total = counter(
        meaning="Records that a topic deleted before they were processed",
        remedy="The outage was longer than the topic keeps records: raise its retention "
        "(topics.internal_retention_s for internal topics)",
        unit="records",
        labels={"topic": OPEN},
    )
    broker_silence_seconds = gauge(
        meaning="Time since a broker last answered a fetch of this worker",
        remedy="Above 30: brokers or the way to them are down; nothing is lost, lag shows how "
        "late it gets",
        unit="seconds",
        combine="max",
    )
    state_flush_seconds = histogram(
        meaning="Time to make changed state durable before a commit",
        remedy="Above a second: the broker is slow to acknowledge",
        unit="seconds",
        buckets=(0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
    )
    commits_total = counter(
        meaning="Offset commits, each after a checkpoint",
        remedy="Failed: rebalances or an unreachable broker; records are processed again, "
        "nothing is lost",
        unit="commits",
        labels={"result": ("done", "failed")},
    )
    last_commit_timestamp_seconds = gauge(
        meaning="When offsets were last committed (epoch)",
        remedy="Old while records come in: see commits_total and state_flush_seconds",
        unit="seconds",
        combine="max",
    )
    recovery_seconds = histogram(
        meaning="Time to load the state of a partition after an assignment",
        remedy="Alerts wait for it: check that the state topics are compacted",
        unit="seconds",
        labels={"stage": STAGES},
        buckets=(0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0),
    )
    state_relearned_total = counter(
        meaning="Parts of stored state that could not be used, and are learnt again",
        remedy="The worker's log names the part, the reason and how long it takes; other parts are "
        "kept. Expected once after an upgrade whose changelog announces it, else: what changed?",
        unit="parts",
        labels={"part": PARTS},
    )
    rebalances_total = counter(
        meaning="Times the partitions of this worker changed",
        remedy="Steady: workers join and leave; check restarts and kafka.session_timeout_s",
        unit="rebalances",
        combine="max",
    )
    partitions_fenced_total = counter(
        meaning="Partitions reassigned to another worker when this one tried to write their state",
        remedy="This worker stalled for longer than kafka.session_timeout_s: look for a "
        "starved or swapping machine; nothing was counted twice",
        unit="partitions",
        labels={"stage": STAGES},
    )
