"""The rows of the processes that gateways connect to: the bridge, and enforcers."""

from __future__ import annotations

from panel import RATE, Panel, stacked, stat

BRIDGE: list[Panel] = [
    stacked(
        "Posts to the bridge",
        "Posts of gateways per second, by result. busy and unavailable are posted again.",
        {"{{result}}": f"sum by (result) (rate(distillwatch_bridge_requests_total<>{RATE}))"},
        unit="cps",
    ),
    Panel(
        title="Records through the bridge",
        description="Records per second that the brokers have acknowledged to the bridge.",
        queries={"records": f"sum(rate(distillwatch_bridge_records_total<>{RATE}))"},
        unit="cps",
    ),
    Panel(
        title="Pending in the bridge",
        description="Bytes of posts that the brokers have not acknowledged yet. Near "
        "bridge.max_pending_bytes gateways have to wait.",
        queries={"{{instance}}": "max by (instance) (distillwatch_bridge_pending_bytes<>)"},
        unit="bytes",
    ),
]

ENFORCERS: list[Panel] = [
    stat(
        "Age of the decisions",
        "Time since the brokers confirmed what an enforcer knows, of the one that is furthest "
        "behind.",
        "max(distillwatch_enforcer_age_seconds<>)",
        limits={"green": 0, "orange": 60},
        unit="s",
        width=8,
        height=8,
        alerts=("DistillwatchEnforcerBehind", "DistillwatchEnforcerDown"),
    ),
    stacked(
        "Answers to gateways",
        "Answers per second, by endpoint and by what the caller gets.",
        {
            "{{endpoint}} {{answer}}": "sum by (endpoint, answer) ("
            f"rate(distillwatch_enforcer_answers_total<>{RATE}))",
        },
        unit="cps",
        width=8,
        alerts=("DistillwatchEnforcerDown",),
    ),
    Panel(
        title="Time to answer",
        description="99% of the answers of an enforcer take at most this long, without the "
        "network.",
        queries={
            "{{endpoint}}": "histogram_quantile(0.99, sum by (endpoint, le) ("
            f"rate(distillwatch_enforcer_answer_seconds_bucket<>{RATE})))",
        },
        unit="s",
        width=8,
    ),
    stacked(
        "Reports of gateways' modules",
        "Counts of the last hour that clients of the stream have reported, by what they turned "
        "out to be.",
        {
            "{{result}}": "sum by (result) ("
            "increase(distillwatch_enforcer_usage_counts_total<>[1h]))",
        },
        width=8,
    ),
    Panel(
        title="Callers under a decision",
        description="Callers with a decision in force, by enforcer.",
        queries={
            "{{instance}}": "max by (instance) (distillwatch_enforcer_decisions<>)",
        },
        width=8,
        alerts=("DistillwatchEnforcerBehind",),
    ),
    Panel(
        title="Waiting for a gateway's admin API",
        description="How long the account waits that has waited longest to be blocked, limited or "
        "released by the gateway's own key management.",
        queries={
            "{{instance}}": "max by (instance) (distillwatch_enforcer_admin_oldest_seconds<>)"
        },
        unit="s",
        width=8,
        alerts=("DistillwatchAdminApiBehind",),
    ),
    stacked(
        "Changes by a gateway's admin API",
        "Accounts of the last hour that were changed or changed back, by result.",
        {
            "{{change}} {{result}}": "sum by (change, result) ("
            "increase(distillwatch_enforcer_admin_changes_total<>[1h]))",
        },
        width=8,
        alerts=("DistillwatchAdminApiBehind",),
    ),
    Panel(
        title="Accounts at a gateway's admin API",
        description="Accounts under a decision by how they stand at the gateway, and those whose "
        "decision it cannot carry out, or not all of it. Each enforcer counts all.",
        queries={
            "{{standing}}": "max by (standing) (distillwatch_enforcer_admin_accounts<>)",
            "unsupported": "max(distillwatch_enforcer_admin_unsupported_accounts<>)",
        },
        width=8,
    ),
]
