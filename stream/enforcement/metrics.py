"""Figures of decisions."""

from __future__ import annotations

from typing import Final, get_args

from stream.core.decisions import ACTIONS, DecisionState
from stream.core.effects import EFFECT_KINDS
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
    decisions_dropped = gauge(
        meaning="Decisions that no longer count, because there were more than "
        "decisions.max_decisions, by the state that they had; since this worker keeps them",
        remedy="proposed, approved, active: raise decisions.max_decisions. Ended ones are only "
        "forgotten",
        unit="decisions",
        labels={"state": STATES},
    )
    decision_unapplied_seconds = gauge(
        meaning="Age of the oldest approved decision that no enforcer holds, 0 without any",
        remedy="Look at the enforcers: is one running, does it follow the decisions topic, may it "
        "write to the effects topic?",
        unit="seconds",
        combine="max",
    )
    decision_effect_requests = gauge(
        meaning="Requests under all decisions that are remembered, by action and by what was done",
        remedy="None are refused under suspend for an hour: the campaign has moved on, or the "
        "gateway does not pass requests to the enforcer",
        unit="requests",
        labels={"action": ACTIONS, "effect": EFFECT_KINDS},
    )
    decision_tokens_not_taken_estimate = gauge(
        meaning="Output tokens that accounts under decisions would have taken, an estimate",
        remedy="`distillwatch decisions show` has it for each, docs/decisions.md the method",
        unit="tokens",
    )
    decision_alert_to_approval_seconds = gauge(
        meaning="Median time from an alert to the approval of its decision, of the last day's "
        "decisions; 0 without any",
        remedy="Long: people are slow to answer, see decision_waiting_seconds",
        unit="seconds",
        combine="max",
    )
    decision_approval_to_refusal_seconds = gauge(
        meaning="Median time from an approval to the first request that was refused or slowed, of "
        "the last day's decisions; 0 without any",
        remedy="Above seconds: the accounts were silent, or gateways pull decisions rarely",
        unit="seconds",
        combine="max",
    )
    decision_audit_entries = gauge(
        meaning="Number of the last entry of the audit topic, 0 in workers that do not write it",
        remedy="It never falls; if it does, entries were removed: "
        "`distillwatch decisions audit --verify`",
        unit="entries",
    )
