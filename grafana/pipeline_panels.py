"""The dashboard Pipeline: input, lag, stages, state, delivery."""

from __future__ import annotations

from http_panels import BRIDGE
from panel import RATE, Panel, stacked

#: Which labels of stage_seconds are whole stages; the others are parts of these.
STAGES = "intake|accounts|links|alerting"

PIPELINE: dict[str, list[Panel]] = {
    "Input": [
        stacked(
            "Events by format",
            "Events per second by log format.",
            {"{{format}}": f"sum by (format) (rate(distillwatch_events_total<>{RATE}))"},
            unit="cps",
            alerts=("DistillwatchInputStopped",),
        ),
        stacked(
            "Dead letters",
            "Records per second that cannot be decoded, by reason. Their headers name the origin.",
            {"{{reason}}": f"sum by (reason) (rate(distillwatch_dead_letters_total<>{RATE}))"},
            unit="cps",
            alerts=("DistillwatchDeadLetters", "DistillwatchClockSkew"),
        ),
        stacked(
            "Credentials in the log",
            "Credentials per second in the gateway's log; they are dropped at decoding.",
            {"credentials": f"sum(rate(distillwatch_credentials_dropped_total<>{RATE}))"},
            unit="cps",
            alerts=(),
        ),
        stacked(
            "Invalid fields",
            "Invalid optional fields per second (NaN, negative, text for a number); "
            "their events count without them.",
            {"{{field}}": f"sum by (field) (rate(distillwatch_fields_dropped_total<>{RATE}))"},
            unit="cps",
            alerts=(),
        ),
        Panel(
            title="Invalid share",
            description="Share of the latest records that a worker cannot decode. It stops at "
            "intake.invalid_share.",
            queries={"{{instance}}": "max by (instance) (distillwatch_invalid_share<>)"},
            unit="percentunit",
            alerts=("DistillwatchInvalidShare",),
        ),
        Panel(
            title="Event delay",
            description="Arrival at a worker minus event time. With lag: add workers. Without: the "
            "gateway ships its log late.",
            queries={
                "median": "histogram_quantile(0.5, sum by (le) (rate("
                f"distillwatch_event_delay_seconds_bucket<>{RATE})))",
                "99%": "histogram_quantile(0.99, sum by (le) (rate("
                f"distillwatch_event_delay_seconds_bucket<>{RATE})))",
            },
            unit="s",
            alerts=("DistillwatchEventsLate", "DistillwatchClockSkew"),
        ),
        Panel(
            title="Late and replayed rows",
            description="Rows per second that arrived after their window had closed and were "
            "dropped, and "
            "re-sent ones that were recognised.",
            queries={
                "late: {{stage}}": f"sum by (stage) (rate(distillwatch_late_rows_total<>{RATE}))",
                "repeated: {{stage}}": "sum by (stage) (rate("
                f"distillwatch_replayed_rows_total<>{RATE}))",
            },
            unit="cps",
            alerts=("DistillwatchLateRows",),
        ),
        Panel(
            title="Request ids",
            description="Rows an hour whose request id is known: duplicates do not count; reused "
            "ones have other content and count. Ids that were forgotten early, and how many are "
            "remembered.",
            queries={
                "{{result}}": "sum by (result) (increase(distillwatch_request_ids_total<>[1h]))",
                "remembered": "sum(distillwatch_request_ids_tracked<>)",
            },
        ),
        Panel(
            title="Records lost",
            description="Records that a topic deleted in the last hour before they were processed.",
            queries={
                "{{topic}}": "sum by (topic) (increase(distillwatch_records_lost_total<>[1h]))"
            },
            alerts=("DistillwatchRecordsLost", "DistillwatchRetentionNear"),
        ),
        Panel(
            title="Answers that can be traced",
            description="Requests per second by what intake does with the answer. Only absent: the "
            "gateway logs no answers. Empty without trace.enabled.",
            queries={"{{result}}": f"sum by (result) (rate(distillwatch_answers_total<>{RATE}))"},
            unit="cps",
        ),
        Panel(
            title="Account directory: events of known accounts",
            description="Share of the events whose account has an entry in the account directory.",
            queries={
                "hits": f'sum(rate(distillwatch_directory_lookups_total<result="hit">{RATE}))'
                f" / sum(rate(distillwatch_directory_lookups_total<>{RATE}))"
            },
            unit="percentunit",
        ),
        Panel(
            title="Account directory: entries",
            description="Accounts in the directory of a worker, and records of its topic in "
            "the hour before that were not taken, by reason.",
            queries={
                "entries": "max(distillwatch_directory_entries<>)",
                "not taken: {{reason}}": "max by (reason) (increase("
                "distillwatch_directory_rejected_total<>[1h]))",
            },
        ),
        Panel(
            title="Sharing: reported values in use",
            description="Events a second with a value that another operator reported, indicators "
            "that are known, and records of their topic in the hour before that were not taken, by "
            "reason.",
            queries={
                "events/s": f"sum(rate(distillwatch_indicator_matches_total<>{RATE}))",
                "indicators": "max(distillwatch_foreign_indicators<>)",
                "not taken: {{reason}}": "max by (reason) (increase("
                "distillwatch_foreign_indicators_rejected_total<>[1h]))",
            },
        ),
        Panel(
            title="Sharing: values that may be shared",
            description="Values a second that came to have several accounts, by attribute.",
            queries={
                "{{kind}}": f"sum by (kind) (rate(distillwatch_shareable_values_total<>{RATE}))"
            },
        ),
        Panel(
            title="Account directory: age",
            description="Time since its newest entry was written; 0 without any.",
            queries={
                "age": "(time() - max(distillwatch_directory_written_timestamp_seconds<>))"
                " * (max(distillwatch_directory_written_timestamp_seconds<>) > bool 0)"
            },
            unit="s",
        ),
        Panel(
            title="Databases of networks: problems",
            description="1 while a configured database is missing, damaged or old.",
            queries={
                "{{database}}: {{problem}}": "max by (database, problem) "
                "(distillwatch_network_database_problem<>)"
            },
            alerts=("DistillwatchNetworkDatabase",),
        ),
        Panel(
            title="Databases of networks: age",
            description="Time since a database was built; 0 without one.",
            queries={
                "{{database}}": "(time() - max by (database) "
                "(distillwatch_network_database_built_timestamp_seconds<>))"
                " * (max by (database) (distillwatch_network_database_built_timestamp_seconds<>)"
                " > bool 0)"
            },
            unit="s",
        ),
        Panel(
            title="Databases of networks: addresses known",
            description="Share of the addresses that were looked up and found, by database.",
            queries={
                "{{database}}": "sum by (database) "
                f'(rate(distillwatch_network_lookups_total<result="hit">{RATE}))'
                f" / sum by (database) (rate(distillwatch_network_lookups_total<>{RATE}))"
            },
            unit="percentunit",
        ),
    ],
    "Bridge": BRIDGE,
    "Lag": [
        Panel(
            title="Lag in records",
            description="Records that are not yet processed, by topic. Growing for minutes: add "
            "workers.",
            queries={"{{topic}}": "sum by (topic) (distillwatch_consumer_lag_records<>)"},
            alerts=("DistillwatchLagGrowing", "DistillwatchNotProgressing"),
        ),
        Panel(
            title="Lag in seconds",
            description="Age of the oldest record that is not yet processed: the delay of alerts.",
            queries={"{{topic}}": "max by (topic) (distillwatch_consumer_lag_seconds<>)"},
            unit="s",
            alerts=("DistillwatchLagGrowing", "DistillwatchRetentionNear"),
        ),
        Panel(
            title="Lag of the slowest partition",
            description="The partition with the most records waiting, by topic. Far above the "
            "rest: its worker, or a producer that writes to one partition only.",
            queries={"{{topic}}": "max by (topic) (distillwatch_consumer_lag_records<>)"},
            alerts=("DistillwatchWatermarkStalled",),
        ),
        Panel(
            title="Watermark delay",
            description="Now minus the watermark of the slowest partition of each stage; "
            "partitions "
            "without an event yet are left out. Large while old logs are played.",
            queries={
                "{{stage}}": "time() - min by (stage) (max by (stage, partition) ("
                "distillwatch_watermark_timestamp_seconds<> > 0))",
            },
            unit="s",
            alerts=("DistillwatchPartitionBehind",),
        ),
        Panel(
            title="Watermark spread",
            description="Difference between the largest and the smallest watermark of a stage. "
            "Alerts "
            "wait for the slowest.",
            queries={
                "{{stage}}": "max by (stage) (distillwatch_watermark_timestamp_seconds<> > 0)"
                " - min by (stage) (max by (stage, partition) ("
                "distillwatch_watermark_timestamp_seconds<> > 0))",
            },
            unit="s",
            alerts=("DistillwatchPartitionBehind",),
        ),
        Panel(
            title="Busy cores with a backlog",
            description="Cores that each worker keeps busy while records wait. Near 1: add "
            "workers. Well below: its machine, or the brokers, are slow.",
            queries={"{{instance}}": "max by (instance) (distillwatch_busy_cores<>)"},
            unit="none",
            alerts=("DistillwatchLagGrowing",),
        ),
        Panel(
            title="Broker silence",
            description="Time since a broker last answered a worker. Nothing is lost while they "
            "are silent.",
            queries={"{{instance}}": "max by (instance) (distillwatch_broker_silence_seconds<>)"},
            unit="s",
            alerts=("DistillwatchBrokersSilent",),
        ),
    ],
    "Stages": [
        stacked(
            "Time by stage",
            "Seconds of work per second. The largest is the bottleneck.",
            {
                "{{stage}}": "sum by (stage) (rate(distillwatch_stage_seconds_sum"
                f'<stage=~"{STAGES}">{RATE}))'
            },
            unit="none",
            alerts=("DistillwatchNotProgressing",),
        ),
        Panel(
            title="Time by part of a stage",
            description="Seconds of work per second within the stages: decode, "
            "fingerprint and trace of intake; duplicates, windows, detection and links of "
            "accounts; scoring of alerting.",
            queries={
                "{{stage}}": "sum by (stage) (rate(distillwatch_stage_seconds_sum"
                f'<stage!~"{STAGES}">{RATE}))'
            },
            unit="none",
        ),
        Panel(
            title="Duration of a batch or window",
            description="95% take at most this long, by stage.",
            queries={
                "{{stage}}": "histogram_quantile(0.95, sum by (le, stage) (rate("
                f"distillwatch_stage_seconds_bucket<>{RATE})))",
            },
            unit="s",
            alerts=("DistillwatchPartitionsFenced",),
        ),
        Panel(
            title="Windows closed",
            description="Windows of event time processed per second, by stage. Zero while events "
            "arrive: one source partition holds the watermark back.",
            queries={
                "{{stage}}": f"sum by (stage) (rate(distillwatch_windows_closed_total<>{RATE}))"
            },
            unit="cps",
            alerts=("DistillwatchWatermarkStalled",),
        ),
        Panel(
            title="Pending rows",
            description="Rows buffered until their window closes, by stage. Above "
            "windows.max_pending_rows windows fire early.",
            queries={"{{stage}}": "sum by (stage) (distillwatch_pending_rows<>)"},
            alerts=("DistillwatchEarlyFirings",),
        ),
        Panel(
            title="Early firings",
            description="Windows of the last hour that closed early because too many rows were "
            "pending.",
            queries={
                "{{stage}}": "sum by (stage) (increase(distillwatch_early_firings_total<>[1h]))"
            },
            alerts=("DistillwatchEarlyFirings",),
        ),
        Panel(
            title="CPU",
            description="Cores in use, by worker. One worker uses about one.",
            queries={
                "{{instance}}": "sum by (instance) (rate(process_cpu_seconds_total<>"
                f"{RATE}) and on (job, instance) distillwatch_build_info<>)"
            },
            unit="none",
        ),
    ],
    "State": [
        Panel(
            title="Checkpoint time",
            description="Time to make changed state durable before a commit. Above a second: the "
            "brokers are slow to acknowledge.",
            queries={
                "median": "histogram_quantile(0.5, sum by (le) (rate("
                f"distillwatch_state_flush_seconds_bucket<>{RATE})))",
                "99%": "histogram_quantile(0.99, sum by (le) (rate("
                f"distillwatch_state_flush_seconds_bucket<>{RATE})))",
            },
            unit="s",
            alerts=("DistillwatchFlushSlow",),
        ),
        Panel(
            title="Commits",
            description="Offset commits per second, each after a checkpoint. failed: the records "
            "are processed again.",
            queries={"{{result}}": f"sum by (result) (rate(distillwatch_commits_total<>{RATE}))"},
            unit="cps",
            alerts=("DistillwatchCommitsFailing",),
        ),
        Panel(
            title="Time since the last commit",
            description="By worker. Old while it works: a restart repeats that work.",
            queries={
                "{{instance}}": "time() - max by (instance) ("
                "distillwatch_last_commit_timestamp_seconds<> > 0)",
            },
            unit="s",
            alerts=("DistillwatchStateNotFlushed",),
        ),
        Panel(
            title="Memory",
            description="Resident memory of the workers, and of their state.",
            queries={
                "resident {{instance}}": "sum by (instance) (process_resident_memory_bytes<>"
                " and on (job, instance) distillwatch_build_info<>)",
                "state {{instance}}": "sum by (instance) (distillwatch_state_bytes<>)",
            },
            unit="bytes",
            alerts=("DistillwatchAccountsEvicted",),
        ),
        Panel(
            title="Process restarts",
            description="Processes of workers (worker.processes) that ended in the last hour and "
            "were started again. killed: by a signal, mostly for want of memory.",
            queries={
                "{{end}} {{instance}}": "sum by (instance, end) (increase("
                "distillwatch_process_restarts_total<>[1h]))",
            },
            alerts=("DistillwatchProcessRestarting",),
        ),
        Panel(
            title="Rebalances, fenced partitions, parts of state learnt again",
            description="In the last hour. Fenced: a worker stalled, and its partitions were "
            "reassigned. Learnt again: stored state could not be read (docs/upgrades.md).",
            queries={
                "rebalances {{instance}}": "sum by (instance) (increase("
                "distillwatch_rebalances_total<>[1h]))",
                "fenced {{stage}}": "sum by (stage) (increase("
                "distillwatch_partitions_fenced_total<>[1h]))",
                "learnt again {{part}}": "sum by (part) (increase("
                "distillwatch_state_relearned_total<>[1h]))",
            },
            alerts=(
                "DistillwatchRebalancing",
                "DistillwatchPartitionsFenced",
                "DistillwatchStateRelearned",
            ),
        ),
        Panel(
            title="Time to restore a partition",
            description="Mean since the start of the worker, by stage. Alerts wait for it.",
            queries={
                "{{stage}}": "max by (stage) (distillwatch_recovery_seconds_sum<>"
                " / distillwatch_recovery_seconds_count<>)",
            },
            unit="s",
            alerts=("DistillwatchRecoverySlow",),
        ),
    ],
    "Delivery": [
        Panel(
            title="Deliveries",
            description="Alerts that a sink has finished in the last hour, by result.",
            queries={
                "{{sink}} {{result}}": "sum by (sink, result) (increase("
                "distillwatch_sink_deliveries_total<>[1h]))",
            },
            alerts=("DistillwatchAlertsUndelivered", "DistillwatchAlertsInvalid"),
        ),
        Panel(
            title="Attempts",
            description="Delivery attempts in the last hour, by answer. 4xx: address or secret; "
            "5xx, timeout, unreachable: the receiver.",
            queries={
                "{{sink}} {{result}}": "sum by (sink, result) (increase("
                "distillwatch_sink_attempts_total<>[1h]))",
            },
            alerts=("DistillwatchSinkFailing",),
        ),
        Panel(
            title="Pending alerts",
            description="Alerts on the topic that a sink has not finished.",
            queries={"{{sink}}": "max by (sink) (distillwatch_sink_queue_length<>)"},
            alerts=("DistillwatchSinkBehind",),
        ),
        Panel(
            title="Oldest pending alert",
            description="Age of the oldest alert that a sink has read and not finished. Alone, "
            "without a queue: the receiver fails on one incident.",
            queries={"{{sink}}": "max by (sink) (distillwatch_sink_oldest_seconds<>)"},
            unit="s",
            alerts=("DistillwatchAlertStuck",),
        ),
        Panel(
            title="Delivery time",
            description="From reading an alert to its delivery, retries included: 95% take at most "
            "this long, over the last day.",
            queries={
                "{{sink}}": "histogram_quantile(0.95, sum by (le, sink) (increase("
                "distillwatch_sink_delivery_seconds_bucket<>[1d])))",
            },
            unit="s",
            alerts=("DistillwatchSinkFailing",),
        ),
        Panel(
            title="Disabled and missed",
            description="Sinks whose receiver answered 410 Gone (1: disabled); in the last hour, "
            "alerts that the topic deleted unread and times that a sink lost the brokers.",
            queries={
                "{{sink}} disabled": "max by (sink) (distillwatch_sink_disabled<>)",
                "{{sink}} missed": "sum by (sink) (increase(distillwatch_sink_missed_total<>[1h]))",
                "{{sink}} lost the brokers": "sum by (sink) (increase("
                "distillwatch_sink_broker_failures_total<>[1h]))",
            },
            alerts=("DistillwatchSinkDisabled", "DistillwatchAlertsMissed"),
        ),
    ],
}
