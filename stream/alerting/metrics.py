"""What alerting counts: alerts, incidents, suppressions, feedback."""

from __future__ import annotations

from typing import Final

from stream.telemetry.declaration import counter, gauge, histogram
from stream.telemetry.shared import KINDS, SEVERITIES, SharedMetrics

MATCHERS: Final = ("account", "value", "pattern")
VERDICTS: Final = ("true_positive", "false_positive", "benign", "withdrawn")
_DETECT_S: Final = (60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 43200.0, 86400.0, 604800.0)


class AlertingMetrics(SharedMetrics):
    """Alerts and what holds them back."""

    alerts_total = counter(
        meaning="Alerts sent, updates and resolutions included",
        remedy="Follow the runbook of the alert",
        unit="alerts",
        labels={"kind": KINDS, "severity": SEVERITIES},
    )
    alerts_suppressed_total = counter(
        meaning="Alerts that were due and not sent: the update limit, another incident that "
        "covers them, a verdict, or a suppression by account, value or pattern",
        remedy="limit: see alerting.updates_per_day, the page and the topic have the newest "
        "figures; account, value, pattern: `distillwatch suppress list` shows the "
        "suppressions, remove those that hide too much",
        unit="alerts",
        labels={"reason": ("limit", "merged", "verdict", *MATCHERS)},
    )
    suppressions_active = gauge(
        meaning="Active suppressions, by matcher",
        remedy="Near feedback.max_suppressions: those that expire first are dropped",
        unit="suppressions",
        labels={"matcher": MATCHERS},
    )
    verdicts_total = counter(
        meaning="Verdicts of people on alerts, by outcome",
        remedy="unknown: the incident ended longer than alerting.cool_down_s ago, or the "
        "alert_id is wrong",
        unit="verdicts",
        labels={"verdict": VERDICTS, "result": ("applied", "repeated", "unknown")},
    )
    drill_alerts_total = counter(
        meaning="Alerts of drills, which no other metric counts",
        remedy="The drill command reports the result",
        unit="alerts",
        labels={"status": ("firing", "resolved")},
    )
    incidents_open = gauge(
        meaning="Incidents that are firing now",
        remedy="Follow the runbook of each; they resolve when the behaviour ends",
        unit="incidents",
        labels={"kind": KINDS, "severity": SEVERITIES},
    )
    detection_delay_seconds = histogram(
        meaning="First evidence to first alert of an incident, in event time",
        remedy="Growing: the attacker is slower, or baselines are too wide",
        unit="seconds",
        labels={"kind": KINDS},
        buckets=_DETECT_S,
    )
