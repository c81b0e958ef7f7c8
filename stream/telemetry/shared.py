"""Metrics that several rooms count in, and the values of labels that several rooms use."""

from __future__ import annotations

from typing import Final

from stream.telemetry.declaration import OVERFLOW, counter, histogram
from stream.telemetry.metric_set import MetricSet

#: The stages with partition tasks: internal topics, windows of event time, state.
STAGES: Final = ("accounts", "links", "alerting")
#: What is timed: whole stages, which the worker measures, and parts of them.
WORK: Final = (
    "intake",
    *STAGES,
    "decode",
    "fingerprint",
    "trace",
    "duplicates",
    "egress",
    "windows",
    "detection",
    "linking",
    "scoring",
    OVERFLOW,
)
LIMITS: Final = (
    "candidates",
    "clusters",
    "dead_letters",
    "incidents",
    "ledger",
    "links",
    "members",
    "suppressions",
    "turnovers",
    "turns",
    "indicators",
    "verdicts",
)
KINDS: Final = ("account", "campaign")
SEVERITIES: Final = ("info", "warning", "critical")
_WORK_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_SCORE: Final = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999)


class SharedMetrics(MetricSet):
    """Base of every room's metrics that takes part in detection."""

    stage_seconds = histogram(
        meaning="Time to process one batch or one window, by whole stage (intake, accounts, "
        "links, alerting), and of parts of it",
        remedy="The stage with the largest sum is the bottleneck; its largest part is the reason",
        unit="seconds",
        labels={"stage": WORK},
        buckets=_WORK_S,
    )
    score = histogram(
        meaning="Calibrated scores, 0 to 1; higher is rarer in benign traffic",
        remedy="Mass moves to the right: the traffic changed, or an attack; see the alerts",
        unit="ratio",
        labels={"kind": KINDS},
        buckets=_SCORE,
    )
    limit_hits_total = counter(
        meaning="Items dropped or deferred because a limit was reached, by limit",
        remedy="candidates: few accounts share very many indicators, campaigns are scored "
        "later; members, indicators, clusters, incidents: more than is kept, see "
        "campaigns.max_campaign_accounts and alerting.max_incidents; links: an indicator "
        "has more accounts than campaigns.max_members, raise it or lower "
        "campaigns.high_prevalence_share; turnovers: more accounts begin or fall silent than "
        "successions are looked for among, the latest stay; turns: more light "
        "accounts send unexplained context than are compared, the latest stay; dead_letters: the "
        "bytes are cut, the headers name the whole record; ledger: models or campaigns of a day "
        "beyond those with sums of their own count as others",
        unit="things",
        labels={"limit": LIMITS},
    )
