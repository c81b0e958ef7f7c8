"""Writes the dashboards (`make dashboards`); the files are kept, for Grafana to load as they are.

What differs between panels is listed here; what is the same for all of them is said once.
In expressions ``<...>`` stands for the matchers of a selector, those of the variables included.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
#: As in the rules; deploy/README.md says how to put your own in.
RUNBOOK = "https://distillwatch.invalid/runbook"
DATASOURCE = {"type": "prometheus", "uid": "$datasource"}
WIDTH = 24
RATE = "[$__rate_interval]"
#: Which labels of stage_seconds are whole stages; the others are parts of these.
STAGES = "intake|accounts|links|alerting"


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel; ``queries`` is legend -> expression, ``alerts`` are sections of the runbook."""

    title: str
    description: str
    queries: dict[str, str]
    unit: str = "short"
    type: str = "timeseries"
    width: int = 8
    height: int = 8
    alerts: tuple[str, ...] = ()
    limits: dict[str, float] = field(default_factory=dict)  # color -> from this value on
    options: dict[str, Any] = field(default_factory=dict)
    custom: dict[str, Any] = field(default_factory=dict)


def stat(title: str, description: str, query: str, **rest: Any) -> Panel:  # noqa: ANN401
    """Return one number of now."""
    reduce = {"reduceOptions": {"calcs": ["lastNotNull"]}, "graphMode": "area"}
    options = {**reduce, "colorMode": "background" if "limits" in rest else "value"}
    return Panel(
        title=title,
        description=description,
        queries={"": query},
        type="stat",
        options=options,
        **({"width": 4, "height": 4} | rest),
    )


def stacked(title: str, description: str, queries: dict[str, str], **rest: Any) -> Panel:  # noqa: ANN401
    """Return lines that add up."""
    custom = {"stacking": {"mode": "normal"}, "fillOpacity": 30}
    return Panel(title=title, description=description, queries=queries, custom=custom, **rest)


def heatmap(title: str, description: str, buckets: str, **rest: Any) -> Panel:  # noqa: ANN401
    """Return a histogram over time; ``buckets`` has the label le."""
    options = {
        "calculate": False,
        "yAxis": {"unit": rest.get("unit", "short")},
        "color": {"mode": "scheme", "scheme": "Oranges", "scale": "exponential", "exponent": 0.5},
        "tooltip": {"mode": "single", "yHistogram": True},
    }
    return Panel(
        title=title,
        description=description,
        queries={"{{le}}": buckets},
        type="heatmap",
        options=options,
        **rest,
    )


def table(title: str, description: str, query: str, **rest: Any) -> Panel:  # noqa: ANN401
    """Return the series of now as rows, their labels as columns."""
    return Panel(
        title=title,
        description=description,
        queries={"": query},
        type="table",
        options={"showHeader": True},
        **rest,
    )


OVERVIEW: dict[str, list[Panel]] = {
    "Is it working": [
        stat(
            "Workers up",
            "Workers that Prometheus scrapes. None: nothing is detected.",
            "count(distillwatch_build_info<>)",
            limits={"red": 0, "green": 1},
            alerts=("DistillwatchDown", "DistillwatchWorkerDown", "DistillwatchRestarting"),
        ),
        stat(
            "Alerts are late by",
            "Age of the oldest record that is not yet processed.",
            "max(distillwatch_consumer_lag_seconds<>)",
            unit="s",
            limits={"green": 0, "orange": 60, "red": 300},
            alerts=("DistillwatchLagGrowing", "DistillwatchRetentionNear"),
        ),
        stat(
            "Events",
            "Events a second that are read. Zero with lag: the workers stand still.",
            f"sum(rate(distillwatch_events_total<>{RATE}))",
            unit="cps",
            alerts=("DistillwatchInputStopped", "DistillwatchNotProgressing"),
        ),
        stat(
            "No events",
            "Share of the records that are no events and go to the dead-letter topic.",
            f'sum(rate(distillwatch_events_total<result="rejected">{RATE}))'
            f" / sum(rate(distillwatch_events_total<>{RATE}))",
            unit="percentunit",
            limits={"green": 0, "orange": 0.01, "red": 0.05},
            alerts=("DistillwatchDeadLetters",),
        ),
        stat(
            "Alerts not delivered",
            "Alerts on the topic that a sink has not finished. Above zero for long: a receiver is "
            "down.",
            "sum(distillwatch_sink_queue_length<>)",
            limits={"green": 0, "orange": 10, "red": 100},
            alerts=("DistillwatchSinkBehind", "DistillwatchSinkDisabled"),
        ),
        stat(
            "Rebalances",
            "Times the partitions moved in the last hour. Each stops everything for seconds.",
            "sum(increase(distillwatch_rebalances_total<>[1h]))",
            limits={"green": 0, "orange": 10, "red": 30},
            alerts=("DistillwatchRebalancing",),
        ),
    ],
    "What is found": [
        stacked(
            "Open incidents",
            "Incidents that are firing now, by kind and severity. Members and evidence are on the "
            "alerts topic.",
            {
                "{{kind}} {{severity}}": "sum by (kind, severity) (distillwatch_incidents_open<>)",
            },
            width=12,
            alerts=("DistillwatchCampaign", "DistillwatchAccount"),
        ),
        stacked(
            "Output tokens by verdict",
            "Output tokens a second, by what was thought of their account at the time. Anomalous "
            "is what may be leaving.",
            {
                "{{verdict}}": "sum by (verdict) (rate("
                f'distillwatch_observed_tokens_total<direction="output">{RATE}))',
            },
            width=12,
            unit="cps",
            alerts=("DistillwatchTokensLeaving",),
        ),
    ],
    "What is firing": [
        table(
            "Alerts firing",
            "Alerts of Prometheus on findings and on the detector itself. Each has a section in "
            "the runbook.",
            # Not every alert has a job (DistillwatchDown) or an instance: see .lint.
            'sum by (alertname, severity, job) (ALERTS{alertname=~"Distillwatch.*", '
            'alertstate="firing", job=~"$job|"})',
            width=12,
        ),
        Panel(
            title="Events by result",
            description="Events a second: accepted, rejected (dead letters).",
            queries={"{{result}}": f"sum by (result) (rate(distillwatch_events_total<>{RATE}))"},
            unit="cps",
            width=12,
            alerts=("DistillwatchDeadLetters",),
        ),
    ],
    "Versions": [
        table(
            "Product",
            "Versions of the product and of Python, and how many workers run them.",
            "count by (version, python) (distillwatch_build_info<>)",
            width=12,
            height=5,
            alerts=("DistillwatchVersionsDiffer",),
        ),
        table(
            "Model",
            "Versions of the detection model, and how many workers run them.",
            "count by (version) (distillwatch_model_info<>)",
            width=12,
            height=5,
            alerts=("DistillwatchVersionsDiffer",),
        ),
    ],
}

DETECTION: dict[str, list[Panel]] = {
    "Incidents": [
        stat(
            "Open campaigns",
            "Campaign incidents that are firing now.",
            'sum(distillwatch_incidents_open<kind="campaign">)',
            limits={"green": 0, "red": 1},
            width=6,
            alerts=("DistillwatchCampaign",),
        ),
        stat(
            "Open accounts",
            "Account incidents that are firing now.",
            'sum(distillwatch_incidents_open<kind="account">)',
            limits={"green": 0, "orange": 1},
            width=6,
            alerts=("DistillwatchAccount",),
        ),
        stat(
            "Output tokens of anomalous accounts",
            "Of the last day: what may have left by single accounts. Campaigns that look normal "
            "one by one are not in it; their alerts say what was observed.",
            "sum(increase(distillwatch_observed_tokens_total"
            '<verdict="anomalous", direction="output">[1d]))',
            width=6,
            alerts=("DistillwatchTokensLeaving",),
        ),
        stat(
            "Account incidents a day and 10,000 accounts",
            "What detection.alerts_budget bounds: by default one may be false. Ten times as many "
            "raise an alert.",
            'sum(increase(distillwatch_detection_delay_seconds_count<kind="account">[1d]))'
            " / sum(distillwatch_accounts_tracked<>) * 10000",
            limits={"green": 0, "orange": 3, "red": 10},
            width=6,
            alerts=("DistillwatchBudgetExceeded",),
        ),
        stacked(
            "New incidents",
            "Incidents that opened for the first time, in the hour before.",
            {
                "{{kind}}": "sum by (kind) (increase("
                "distillwatch_detection_delay_seconds_count<>[1h]))",
            },
            alerts=("DistillwatchBudgetExceeded",),
        ),
        stacked(
            "Alerts sent",
            "Alerts sent in the hour before, with updates and ends of incidents.",
            {
                "{{kind}} {{severity}}": "sum by (kind, severity) (increase("
                "distillwatch_alerts_total<>[1h]))",
            },
        ),
        stacked(
            "Alerts held back",
            "Alerts that were due in the hour before and not sent, by reason. account, value and "
            "pattern: hidden by suppressions, by what these go by.",
            {
                "{{reason}}": "sum by (reason) ("
                "increase(distillwatch_alerts_suppressed_total<>[1h]))",
            },
        ),
        stacked(
            "Verdicts",
            "What people said of alerts in the hour before, and what became of it.",
            {
                "{{verdict}} {{result}}": "sum by (verdict, result) ("
                "increase(distillwatch_verdicts_total<>[1h]))",
            },
        ),
        stacked(
            "Suppressions in force",
            "By what they go by. Who made them and until when: distillwatch suppress list.",
            {"{{matcher}}": "sum by (matcher) (distillwatch_suppressions_active<>)"},
        ),
        stacked(
            "Drills",
            "Alerts of drills in the hour before, which count nowhere else.",
            {"{{status}}": "sum by (status) (increase(distillwatch_drill_alerts_total<>[1h]))"},
        ),
        Panel(
            title="Time to detect",
            description="First evidence to first alert, in event time, over the last day. Growing: "
            "attackers are slower, or baselines are too wide.",
            queries={
                "{{kind}} median": "histogram_quantile(0.5, sum by (le, kind) (increase("
                "distillwatch_detection_delay_seconds_bucket<>[1d])))",
                "{{kind}} 90%": "histogram_quantile(0.9, sum by (le, kind) (increase("
                "distillwatch_detection_delay_seconds_bucket<>[1d])))",
            },
            unit="s",
            width=12,
        ),
        stacked(
            "Output tokens by verdict",
            "Output tokens a second, by what was thought of their account at the time.",
            {
                "{{verdict}}": "sum by (verdict) (rate("
                f'distillwatch_observed_tokens_total<direction="output">{RATE}))',
            },
            unit="cps",
            width=12,
            alerts=("DistillwatchTokensLeaving",),
        ),
    ],
    "Scores": [
        heatmap(
            "Scores of accounts",
            "Judgements by score; higher is rarer in benign traffic. Mass that moves to the right: "
            "the traffic has changed, or an attack.",
            f'sum by (le) (increase(distillwatch_score_bucket<kind="account">{RATE}))',
            width=12,
            alerts=("DistillwatchModelStale",),
        ),
        heatmap(
            "Scores of groups",
            "Judgements of groups of accounts by score. A group opens an incident at "
            "alerting.open_score.",
            f'sum by (le) (increase(distillwatch_score_bucket<kind="campaign">{RATE}))',
            width=12,
            alerts=("DistillwatchCampaign",),
        ),
        Panel(
            title="Judgements above the clear score",
            description="Share of the judgements of accounts in the hour before that called one "
            "suspect. Above 5% for hours: the model no longer fits.",
            queries={
                "accounts": "1 - "
                'sum(increase(distillwatch_score_bucket<kind="account", le="0.5">[1h])) / '
                'sum(increase(distillwatch_score_count<kind="account">[1h]))',
            },
            unit="percentunit",
            alerts=("DistillwatchModelStale",),
        ),
        Panel(
            title="Judgements",
            description="Accounts and groups judged a second. Zero while events come in: warm-up, "
            "or nobody has enough requests.",
            queries={"{{kind}}": f"sum by (kind) (rate(distillwatch_score_count<>{RATE}))"},
            unit="cps",
            alerts=("DistillwatchNoAccountScored",),
        ),
        Panel(
            title="Highest scores",
            description="The score that one judgement in a thousand exceeds, by kind.",
            queries={
                "{{kind}}": "histogram_quantile(0.999, sum by (le, kind) (increase("
                "distillwatch_score_bucket<>[1h])))",
            },
            alerts=("DistillwatchModelStale",),
        ),
    ],
    "What is known": [
        Panel(
            title="Accounts",
            description="Accounts with state, those without a baseline of their own yet, and those "
            "held back because so many changed at once. Many that warm up long after the first "
            "start: many new accounts.",
            queries={
                "tracked": "sum(distillwatch_accounts_tracked<>)",
                "warming up": "sum(distillwatch_accounts_warming_up<>)",
                "held back": "sum(distillwatch_accounts_suppressed_by_drift<>)",
            },
            alerts=("DistillwatchNoAccountScored", "DistillwatchModelStale"),
        ),
        Panel(
            title="Links",
            description="Values that link accounts (payments, prompts, addresses, clients) with "
            "state.",
            queries={"tracked": "sum(distillwatch_indicators_tracked<>)"},
            alerts=("DistillwatchIndicatorsEvicted",),
        ),
        Panel(
            title="Forgotten",
            description="Accounts and linking values forgotten a second. Accounts, or capacity: "
            "memory is too small. Expired and popular are normal.",
            queries={
                "accounts": f"sum(rate(distillwatch_accounts_evicted_total<>{RATE}))",
                "links: {{reason}}": "sum by (reason) (rate("
                f"distillwatch_indicators_evicted_total<>{RATE}))",
            },
            unit="cps",
            alerts=("DistillwatchAccountsEvicted", "DistillwatchIndicatorsEvicted"),
        ),
        Panel(
            title="Left out",
            description="What was left out or put off in the hour before to stay within a bound.",
            queries={"{{limit}}": "sum by (limit) (increase(distillwatch_limit_hits_total<>[1h]))"},
            alerts=("DistillwatchLimitReached",),
        ),
    ],
}

PIPELINE: dict[str, list[Panel]] = {
    "Input": [
        stacked(
            "Events by format",
            "Events a second, by the format of the log.",
            {"{{format}}": f"sum by (format) (rate(distillwatch_events_total<>{RATE}))"},
            unit="cps",
            alerts=("DistillwatchInputStopped",),
        ),
        stacked(
            "Dead letters",
            "Records a second that are no events, by reason. Their headers say where they were.",
            {"{{reason}}": f"sum by (reason) (rate(distillwatch_dead_letters_total<>{RATE}))"},
            unit="cps",
            alerts=("DistillwatchDeadLetters", "DistillwatchClockSkew"),
        ),
        stacked(
            "Credentials in the log",
            "Credentials a second that the gateway left in its log; they are dropped at decoding.",
            {"credentials": f"sum(rate(distillwatch_credentials_dropped_total<>{RATE}))"},
            unit="cps",
            alerts=(),
        ),
        stacked(
            "Fields left out",
            "Optional fields a second that were no valid value (NaN, negative, text for a number); "
            "their events count without them.",
            {"{{field}}": f"sum by (field) (rate(distillwatch_fields_dropped_total<>{RATE}))"},
            unit="cps",
            alerts=(),
        ),
        Panel(
            title="Invalid share",
            description="Share of the latest records of a worker that are no events. It stops at "
            "intake.invalid_share.",
            queries={"{{instance}}": "max by (instance) (distillwatch_invalid_share<>)"},
            unit="percentunit",
            alerts=("DistillwatchInvalidShare",),
        ),
        Panel(
            title="Delay of events",
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
            title="Late and repeated rows",
            description="Rows a second that arrived after their window had closed and were "
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
            description="Rows an hour whose request id is known: duplicates did not count; reused "
            "ones say something else and counted. Ids that were forgotten early, and how many are "
            "remembered.",
            queries={
                "{{result}}": "sum by (result) (increase(distillwatch_request_ids_total<>[1h]))",
                "remembered": "sum(distillwatch_request_ids_tracked<>)",
            },
        ),
        Panel(
            title="Records lost",
            description="Records in the hour before that a topic had deleted before they were "
            "processed.",
            queries={
                "{{topic}}": "sum by (topic) (increase(distillwatch_records_lost_total<>[1h]))"
            },
            alerts=("DistillwatchRecordsLost", "DistillwatchRetentionNear"),
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
            description="Accounts that the directory of a worker has, and records of its topic in "
            "the hour before that were not taken, by reason.",
            queries={
                "entries": "max(distillwatch_directory_entries<>)",
                "not taken: {{reason}}": "max by (reason) (increase("
                "distillwatch_directory_rejected_total<>[1h]))",
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
    ],
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
            description="Age of the oldest record that is not yet processed: how late alerts are.",
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
            title="Event time behind the clock",
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
            title="Fastest partition before slowest",
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
            title="Silence of the brokers",
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
            "Seconds of work a second. The largest is the bottleneck.",
            {
                "{{stage}}": "sum by (stage) (rate(distillwatch_stage_seconds_sum"
                f'<stage=~"{STAGES}">{RATE}))'
            },
            unit="none",
            alerts=("DistillwatchNotProgressing",),
        ),
        Panel(
            title="Time by part of a stage",
            description="Seconds of work a second, which the stages include: decode and "
            "fingerprint of intake; duplicates, windows, detection and links of accounts; scoring "
            "of alerting.",
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
            description="Windows of event time processed a second, by stage. Zero while events "
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
            title="Time of a flush",
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
            description="Offset commits a second, each after a flush. Failed: the records are "
            "processed again.",
            queries={"{{result}}": f"sum by (result) (rate(distillwatch_commits_total<>{RATE}))"},
            unit="cps",
            alerts=("DistillwatchCommitsFailing",),
        ),
        Panel(
            title="Time since the last commit",
            description="By worker. Old while it works: a restart repeats that much.",
            queries={
                "{{instance}}": "time() - max by (instance) ("
                "distillwatch_last_commit_timestamp_seconds<> > 0)",
            },
            unit="s",
            alerts=("DistillwatchStateNotFlushed",),
        ),
        Panel(
            title="Memory",
            description="Resident memory of the workers, and that of their windows and tables.",
            queries={
                "resident {{instance}}": "sum by (instance) (process_resident_memory_bytes<>"
                " and on (job, instance) distillwatch_build_info<>)",
                "state {{instance}}": "sum by (instance) (distillwatch_state_bytes<>)",
            },
            unit="bytes",
            alerts=("DistillwatchAccountsEvicted",),
        ),
        Panel(
            title="Rebalances and fenced partitions",
            description="In the last hour. Fenced: a worker stalled, and its partitions were "
            "reassigned.",
            queries={
                "rebalances {{instance}}": "sum by (instance) (increase("
                "distillwatch_rebalances_total<>[1h]))",
                "fenced {{stage}}": "sum by (stage) (increase("
                "distillwatch_partitions_fenced_total<>[1h]))",
            },
            alerts=("DistillwatchRebalancing", "DistillwatchPartitionsFenced"),
        ),
        Panel(
            title="Time to load the state of a partition",
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
            description="Alerts that a sink was done with in the hour before, by how it ended.",
            queries={
                "{{sink}} {{result}}": "sum by (sink, result) (increase("
                "distillwatch_sink_deliveries_total<>[1h]))",
            },
            alerts=("DistillwatchAlertsUndelivered", "DistillwatchAlertsInvalid"),
        ),
        Panel(
            title="Attempts",
            description="Tries to deliver in the hour before, by answer. 4xx: address or secret; "
            "5xx, timeout, unreachable: the receiver.",
            queries={
                "{{sink}} {{result}}": "sum by (sink, result) (increase("
                "distillwatch_sink_attempts_total<>[1h]))",
            },
            alerts=("DistillwatchSinkFailing",),
        ),
        Panel(
            title="Alerts that wait",
            description="Alerts on the topic that a sink has not finished.",
            queries={"{{sink}}": "max by (sink) (distillwatch_sink_queue_length<>)"},
            alerts=("DistillwatchSinkBehind",),
        ),
        Panel(
            title="Oldest alert that waits",
            description="Age of the oldest alert that a sink has read and not finished. Alone, "
            "without a queue: the receiver fails on one incident.",
            queries={"{{sink}}": "max by (sink) (distillwatch_sink_oldest_seconds<>)"},
            unit="s",
            alerts=("DistillwatchAlertStuck",),
        ),
        Panel(
            title="Time of a delivery",
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
            title="Out of order",
            description="Sinks that were told 410 Gone (1: disabled); in the hour before, alerts "
            "that the topic deleted unread and times that a sink lost the brokers.",
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

DASHBOARDS = {
    "overview": ("Is it working, and what is firing.", OVERVIEW),
    "detection": ("Incidents, scores, what may have left, and what the model knows.", DETECTION),
    "pipeline": ("From the gateway's log to the receivers, stage by stage.", PIPELINE),
}


def expand(expr: str) -> str:
    """Write the matchers of ``<...>`` out."""

    def matchers(found: re.Match[str]) -> str:
        own = f"{found[1]}, " if found[1] else ""
        return f'{{{own}job=~"$job", instance=~"$instance"}}'

    return re.sub(r"(?<=[a-zA-Z])<([^<>]*)>", matchers, expr)


def target(number: int, legend: str, expr: str, panel_type: str) -> dict[str, Any]:
    """Return one query of a panel."""
    made = {
        "refId": chr(ord("A") + number),
        "datasource": DATASOURCE,
        "expr": expand(expr),
        "legendFormat": legend,
    }
    if panel_type == "heatmap":
        made["format"] = "heatmap"
    if panel_type == "table":
        made |= {"format": "table", "instant": True}
    return made


def section(alert: str) -> str:
    """Return the address of an alert's section of the runbook; findings have short ones."""
    name = alert.lower()
    short = name.removeprefix("distillwatch")
    return f"{RUNBOOK}#{short if short in {'campaign', 'account'} else name}"


def panel(number: int, what: Panel, x: int, y: int) -> dict[str, Any]:
    """Return a panel at its place."""
    defaults: dict[str, Any] = {"unit": what.unit, "min": 0, "custom": what.custom}
    if what.limits:
        first, *others = what.limits.items()
        steps = [{"color": first[0], "value": None}]
        steps += [{"color": color, "value": value} for color, value in others]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
    made = {
        "id": number,
        "type": what.type,
        "title": what.title,
        "description": what.description,
        "datasource": DATASOURCE,
        "gridPos": {"x": x, "y": y, "w": what.width, "h": what.height},
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": what.options,
        "links": [
            {"title": f"Runbook: {alert}", "url": section(alert), "targetBlank": True}
            for alert in what.alerts
        ],
        "targets": [
            target(i, legend, expr, what.type)
            for i, (legend, expr) in enumerate(what.queries.items())
        ],
    }
    if what.type == "table":
        hidden = {"Time": True}
        made["transformations"] = [{"id": "organize", "options": {"excludeByName": hidden}}]
    return made


def row(number: int, title: str, y: int) -> dict[str, Any]:
    """Return the head of a row of panels."""
    place = {"x": 0, "y": y, "w": WIDTH, "h": 1}
    return {"id": number, "type": "row", "title": title, "gridPos": place, "panels": []}


def panels(rows: dict[str, list[Panel]]) -> list[dict[str, Any]]:
    """Lay the panels out, from left to right and from top to bottom."""
    placed: list[dict[str, Any]] = []
    y = 0
    for title, members in rows.items():
        placed.append(row(len(placed) + 1, title, y))
        x, y, below = 0, y + 1, 0
        for what in members:
            if x + what.width > WIDTH:
                x, y, below = 0, y + below, 0
            placed.append(panel(len(placed) + 1, what, x, y))
            x, below = x + what.width, max(below, what.height)
        y += below
    return placed


def variable(name: str, query: str) -> dict[str, Any]:
    """Return a variable with the values of a label, all of them at first."""
    return {
        "name": name,
        "label": name,
        "type": "query",
        "datasource": DATASOURCE,
        "query": query,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".+",
        "current": {"text": "All", "value": "$__all"},
    }


VARIABLES = [
    {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "current": {},
    },
    variable("job", "label_values(distillwatch_build_info, job)"),
    variable("instance", 'label_values(distillwatch_build_info{job=~"$job"}, instance)'),
]
ANNOTATIONS = [
    {
        "name": "Findings",
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": "red",
        "expr": "sum by (alertname, severity) (ALERTS"
        '{alertname=~"Distillwatch(Campaign|Account)", alertstate="firing", job=~"$job"})',
        "titleFormat": "{{alertname}} {{severity}}",
        "step": "60s",
    },
    {
        "name": "Workers started",
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": "blue",
        "expr": "1000 * max by (instance, version) (process_start_time_seconds"
        '{job=~"$job", instance=~"$instance"} * on (job, instance) group_left (version) '
        'distillwatch_build_info{job=~"$job", instance=~"$instance"})',
        "titleFormat": "{{instance}} started",
        "tagKeys": "version",
        "useValueForTime": "on",
        "step": "60s",
    },
]
LINKS = [
    {
        "title": "distillwatch",
        "type": "dashboards",
        "tags": ["distillwatch"],
        "asDropdown": False,
        "includeVars": True,
        "keepTime": True,
    },
    {"title": "Runbook", "type": "link", "url": RUNBOOK, "icon": "doc", "targetBlank": True},
]


def dashboard(name: str) -> dict[str, Any]:
    """Return a dashboard as Grafana reads it."""
    description, rows = DASHBOARDS[name]
    return {
        "uid": f"distillwatch-{name}",
        "title": f"distillwatch / {name.capitalize()}",
        "description": description,
        "tags": ["distillwatch"],
        "editable": False,
        "graphTooltip": 1,
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "links": LINKS,
        "annotations": {"list": ANNOTATIONS},
        "templating": {"list": VARIABLES},
        "panels": panels(rows),
    }


def text(name: str) -> str:
    """Return the file of a dashboard."""
    return json.dumps(dashboard(name), indent=2) + "\n"


if __name__ == "__main__":
    for name in DASHBOARDS:
        (HERE / f"{name}.json").write_text(text(name))
