"""Metrics of the enforcer: its answers, and the age of its decisions."""

from __future__ import annotations

from typing import Final, get_args

from stream.enforcement.admin.metrics import AdminMetrics
from stream.http.enforcer.usage import UsageResult
from stream.telemetry.declaration import counter, gauge, histogram

ENDPOINTS: Final = ("authorize", "guardrail", "stream")
ANSWERS: Final = (
    "passed",
    "changed",
    "throttled",
    "refused",
    "simulated",
    "unauthorized",
    "invalid",
)
_ANSWER_S: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25)


class EnforcerMetrics(AdminMetrics):
    """The metrics of the enforcer, which is a process of its own."""

    enforcer_answers_total = counter(
        meaning="Answers to gateways, by endpoint and by what the caller gets",
        remedy="unauthorized: enforcer.tokens differs from the token of the gateway; invalid: the "
        "gateway sends no id of an account, key, user or team, or a report that cannot be read: "
        "see its guide",
        unit="answers",
        labels={"endpoint": ENDPOINTS, "answer": ANSWERS},
    )
    enforcer_answer_seconds = histogram(
        meaning="Time to answer a gateway, without the network",
        remedy="Above a millisecond: start more enforcers",
        unit="seconds",
        labels={"endpoint": ENDPOINTS},
        buckets=_ANSWER_S,
    )
    enforcer_usage_counts_total = counter(
        meaning="Counts that clients of the stream have reported, by what they turned out to be",
        remedy="ignored: it names no decision, or is no effect; unknown: this enforcer has never "
        "had its decision in force; repeated, early: counted before, or perhaps; invalid: the "
        "client's clock is ahead by minutes",
        unit="counts",
        labels={"result": get_args(UsageResult)},
    )
    enforcer_decisions = gauge(
        meaning="Callers with a decision in force, as the enforcer knows them",
        remedy="Differs between enforcers for more than seconds: one does not follow the topic",
        unit="callers",
    )
    enforcer_age_seconds = gauge(
        meaning="Time since the brokers last confirmed what the enforcer knows",
        remedy="Growing: brokers or the way to them are down; the enforcer answers from memory",
        unit="seconds",
    )
