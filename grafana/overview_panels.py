"""The dashboard Overview: health of the workers, findings, firing alerts, versions."""

from __future__ import annotations

from panel import RATE, Panel, stacked, stat, table

OVERVIEW: dict[str, list[Panel]] = {
    "Health": [
        stat(
            "Workers up",
            "Workers that Prometheus scrapes. None: nothing is detected.",
            "count(distillwatch_build_info<>)",
            limits={"red": 0, "green": 1},
            alerts=("DistillwatchDown", "DistillwatchWorkerDown", "DistillwatchRestarting"),
        ),
        stat(
            "Alert delay by lag",
            "Age of the oldest record that is not yet processed.",
            "max(distillwatch_consumer_lag_seconds<>)",
            unit="s",
            limits={"green": 0, "orange": 60, "red": 300},
            alerts=("DistillwatchLagGrowing", "DistillwatchRetentionNear"),
        ),
        stat(
            "Events",
            "Events read per second. Zero with lag: the workers do not progress.",
            f"sum(rate(distillwatch_events_total<>{RATE}))",
            unit="cps",
            alerts=("DistillwatchInputStopped", "DistillwatchNotProgressing"),
        ),
        stat(
            "Invalid records",
            "Share of the records that cannot be decoded and go to the dead-letter topic.",
            f'sum(rate(distillwatch_events_total<result="rejected">{RATE}))'
            f" / sum(rate(distillwatch_events_total<>{RATE}))",
            unit="percentunit",
            limits={"green": 0, "orange": 0.01, "red": 0.05},
            alerts=("DistillwatchDeadLetters",),
        ),
        stat(
            "Alerts not delivered",
            "Alerts on the topic that a sink has not finished. Above zero for minutes: a "
            "receiver is down.",
            "sum(distillwatch_sink_queue_length<>)",
            limits={"green": 0, "orange": 10, "red": 100},
            alerts=("DistillwatchSinkBehind", "DistillwatchSinkDisabled"),
        ),
        stat(
            "Rebalances",
            "Partition reassignments in the last hour. Each stops processing for seconds.",
            "sum(increase(distillwatch_rebalances_total<>[1h]))",
            limits={"green": 0, "orange": 10, "red": 30},
            alerts=("DistillwatchRebalancing",),
        ),
    ],
    "Findings": [
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
            "Output tokens by account state",
            "Output tokens per second by account state at the time of the request. anomalous: "
            "may be extracted.",
            {
                "{{verdict}}": "sum by (verdict) (rate("
                f'distillwatch_observed_tokens_total<direction="output">{RATE}))',
            },
            width=12,
            unit="cps",
            alerts=("DistillwatchTokensLeaving",),
        ),
    ],
    "Alerts": [
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
            description="Events per second: accepted, rejected (dead letters), ignored (not "
            "model calls).",
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
