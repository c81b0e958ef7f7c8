"""Figures of decisions."""

from __future__ import annotations

from typing import Final, get_args

from stream.core.decisions import ACTIONS, DecisionState
from stream.decisions.register import Reading
from stream.telemetry.declaration import counter, gauge
from stream.telemetry.metric_set import MetricSet

STATES: Final = get_args(DecisionState)


class DecisionMetrics(MetricSet):
    """Decisions as the one worker sees them that proposes, ends and notes them."""

    decisions = gauge(
        meaning="Decisions by action and state; 0 in workers that do not keep them",
        remedy="`distillwatch decisions` lists them",
        unit="decisions",
        labels={"action": ACTIONS, "state": STATES},
    )
    decision_records_total = counter(
        meaning="Records that were read from the decisions topic, by what they turned out to be",
        remedy="unsigned, forged, unreadable, misplaced, removed: a program that is not ours "
        "writes to the topic; `distillwatch decisions audit` has the records, and nothing of "
        "them counts. older: repeated, or two people acted at once",
        unit="records",
        labels={"reading": tuple(Reading)},
    )
    decision_effect_records_total = counter(
        meaning="Records that were read from the effects topic, by what they turned out to be",
        remedy="unsigned, forged, unreadable, misplaced, removed: a program that is not ours "
        "writes to the topic, and nothing of them counts. older: overtaken by a later report",
        unit="records",
        labels={"reading": tuple(Reading)},
    )
    decision_waiting_seconds = gauge(
        meaning="Age of the oldest proposal that waits for a person, 0 without any",
        remedy="Approve or refuse it: `distillwatch decisions`, or the page",
        unit="seconds",
        combine="max",
    )
    decisions_held_back = gauge(
        meaning="Approved decisions that are not carried out, because a guard rail holds them back",
        remedy="Raise decisions.max_accounts_a_day, or undo what is not needed",
        unit="decisions",
    )
    decision_audit_entries = gauge(
        meaning="Number of the last entry of the audit topic, 0 in workers that do not write it",
        remedy="It never falls; if it does, entries were removed: "
        "`distillwatch decisions audit --verify`",
        unit="entries",
    )
