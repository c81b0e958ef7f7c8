"""The dashboard Detection: incidents, scores, the state of the model."""

from __future__ import annotations

from http_panels import ENFORCERS
from panel import RATE, Panel, heatmap, stacked, stat

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
            "Tokens of the last day that single accounts may have extracted. Members of "
            "campaigns that look normal one by one are not included; campaign alerts carry "
            "their own figures.",
            "sum(increase(distillwatch_observed_tokens_total"
            '<verdict="anomalous", direction="output">[1d]))',
            width=6,
            alerts=("DistillwatchTokensLeaving",),
        ),
        stat(
            "Account incidents per day and 10,000 accounts",
            "The budget, detection.alerts_budget, accepts one false incident by default. Ten times "
            "as many raise an alert.",
            'sum(increase(distillwatch_detection_delay_seconds_count<kind="account">[1d]))'
            " / sum(distillwatch_accounts_tracked<>) * 10000",
            limits={"green": 0, "orange": 3, "red": 10},
            width=6,
            alerts=("DistillwatchBudgetExceeded",),
        ),
        stacked(
            "New incidents",
            "Incidents that opened for the first time, in the last hour.",
            {
                "{{kind}}": "sum by (kind) (increase("
                "distillwatch_detection_delay_seconds_count<>[1h]))",
            },
            alerts=("DistillwatchBudgetExceeded",),
        ),
        stacked(
            "Alerts sent",
            "Alerts sent in the last hour, with updates and ends of incidents.",
            {
                "{{kind}} {{severity}}": "sum by (kind, severity) (increase("
                "distillwatch_alerts_total<>[1h]))",
            },
        ),
        stacked(
            "Alerts held back",
            "Alerts of the last hour that were due and not sent, by reason. account, value and "
            "pattern: hidden by suppressions with this matcher.",
            {
                "{{reason}}": "sum by (reason) ("
                "increase(distillwatch_alerts_suppressed_total<>[1h]))",
            },
        ),
        stacked(
            "Verdicts",
            "Verdicts of people on alerts in the last hour, by outcome.",
            {
                "{{verdict}} {{result}}": "sum by (verdict, result) ("
                "increase(distillwatch_verdicts_total<>[1h]))",
            },
        ),
        stacked(
            "Suppressions in force",
            "Active suppressions by matcher. Authors and expiry: distillwatch suppress list.",
            {"{{matcher}}": "sum by (matcher) (distillwatch_suppressions_active<>)"},
        ),
        stacked(
            "Drills",
            "Alerts of drills in the last hour; no other metric counts them.",
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
            "Output tokens by account state",
            "Output tokens per second by account state at the time of the request.",
            {
                "{{verdict}}": "sum by (verdict) (rate("
                f'distillwatch_observed_tokens_total<direction="output">{RATE}))',
            },
            unit="cps",
            width=12,
            alerts=("DistillwatchTokensLeaving",),
        ),
        stacked(
            "Output tokens by country of the caller",
            "Output tokens per second of the ten countries that get most, where the log or a "
            "database of networks knows the country.",
            {
                "{{country}}": "topk(10, sum by (country) (rate("
                f"distillwatch_egress_tokens_total<>{RATE})))",
            },
            unit="cps",
            width=12,
        ),
        stacked(
            "Output tokens by kind of network",
            "Output tokens per second by kind of the caller's network.",
            {"{{kind}}": f"sum by (kind) (rate(distillwatch_egress_tokens_total<>{RATE}))"},
            unit="cps",
            width=12,
        ),
    ],
    "Decisions": [
        stat(
            "Waiting for a person",
            "Age of the oldest proposal that a person has not answered.",
            "max(distillwatch_decision_waiting_seconds<>)",
            limits={"green": 0, "orange": 14400},
            unit="s",
            width=6,
            alerts=("DistillwatchDecisionsWaiting",),
        ),
        stat(
            "Held back by a guard rail",
            "Approved decisions that would act on more accounts or traffic than a day may have.",
            "max(distillwatch_decisions_held_back<>)",
            limits={"green": 0, "orange": 1},
            width=6,
            alerts=("DistillwatchDecisionsHeldBack",),
        ),
        stat(
            "Records of other writers",
            "Records of the last hour, of decisions and effects, that are not signed with our key.",
            "sum(increase(distillwatch_decision_records_total"
            '<reading=~"unsigned|forged|unreadable|misplaced|removed">[1h])) + '
            "sum(increase(distillwatch_decision_effect_records_total"
            '<reading=~"unsigned|forged|unreadable|misplaced|removed">[1h]))',
            limits={"green": 0, "red": 1},
            width=6,
            alerts=("DistillwatchDecisionsForged",),
        ),
        stat(
            "Audit entries",
            "Number of the last entry of the audit topic. It never falls.",
            "max(distillwatch_decision_audit_entries<>)",
            width=6,
        ),
        stacked(
            "Proposals and decisions in force",
            "Decisions by action and state, without ended ones.",
            {
                "{{action}} {{state}}": "sum by (action, state) ("
                'distillwatch_decisions<state=~"proposed|approved|active">) > 0',
            },
            width=12,
            alerts=("DistillwatchDecisionsWaiting",),
        ),
        stacked(
            "Records of the decisions topic",
            "Records of the last hour by what they turned out to be.",
            {
                "{{reading}}": "sum by (reading) ("
                "increase(distillwatch_decision_records_total<>[1h]))",
            },
            width=12,
            alerts=("DistillwatchDecisionsForged",),
        ),
        stat(
            "Held by no enforcer",
            "Age of the oldest approved decision that no enforcer has reported to hold.",
            "max(distillwatch_decision_unapplied_seconds<>)",
            limits={"green": 0, "red": 60},
            unit="s",
            width=6,
            alerts=("DistillwatchDecisionsNotApplied",),
        ),
        stat(
            "Tokens not taken (estimate)",
            "Output tokens that accounts under decisions would have taken, an estimate.",
            "max(distillwatch_decision_tokens_not_taken_estimate<>)",
            width=6,
        ),
        stat(
            "Alert to approval",
            "Median time from an alert to the approval of its decision, of the last day.",
            "max(distillwatch_decision_alert_to_approval_seconds<>)",
            unit="s",
            width=6,
        ),
        stat(
            "Approval to first refusal",
            "Median time from an approval to the first request refused or slowed, of the last day.",
            "max(distillwatch_decision_approval_to_refusal_seconds<>)",
            unit="s",
            width=6,
        ),
        stacked(
            "Effect of decisions",
            "Requests under decisions that are remembered, by action and by what was done.",
            {
                "{{action}} {{effect}}": "sum by (action, effect) ("
                "distillwatch_decision_effect_requests<>)",
            },
            width=12,
        ),
        stacked(
            "Dropped decisions",
            "Decisions beyond decisions.max_decisions, by the state that they had.",
            {"{{state}}": "sum by (state) (distillwatch_decisions_dropped<>)"},
            width=12,
            alerts=("DistillwatchDecisionsDropped",),
        ),
    ],
    "Enforcers": ENFORCERS,
    "Scores": [
        heatmap(
            "Scores of accounts",
            "Account scores; higher is rarer in benign traffic. Mass that moves to the right: the "
            "traffic has changed, or an attack.",
            f'sum by (le) (increase(distillwatch_score_bucket<kind="account">{RATE}))',
            width=12,
            alerts=("DistillwatchModelStale",),
        ),
        heatmap(
            "Scores of groups",
            "Scores of groups of accounts. A group opens an incident at alerting.open_score.",
            f'sum by (le) (increase(distillwatch_score_bucket<kind="campaign">{RATE}))',
            width=12,
            alerts=("DistillwatchCampaign",),
        ),
        Panel(
            title="Suspect scores",
            description="Share of the account scores of the last hour above the clear score. "
            "Above 5% for hours: the model no longer fits.",
            queries={
                "accounts": "1 - "
                'sum(increase(distillwatch_score_bucket<kind="account", le="0.5">[1h])) / '
                'sum(increase(distillwatch_score_count<kind="account">[1h]))',
            },
            unit="percentunit",
            alerts=("DistillwatchModelStale",),
        ),
        Panel(
            title="Scored",
            description="Accounts and groups scored per second. Zero while events arrive: "
            "warm-up, or no account has enough requests.",
            queries={"{{kind}}": f"sum by (kind) (rate(distillwatch_score_count<>{RATE}))"},
            unit="cps",
            alerts=("DistillwatchNoAccountScored",),
        ),
        Panel(
            title="Highest scores",
            description="The score that one in a thousand exceeds, by kind.",
            queries={
                "{{kind}}": "histogram_quantile(0.999, sum by (le, kind) (increase("
                "distillwatch_score_bucket<>[1h])))",
            },
            alerts=("DistillwatchModelStale",),
        ),
    ],
    "State": [
        Panel(
            title="Accounts",
            description="Accounts with state, accounts without a baseline yet, and accounts that "
            "the drift guard suppresses. Many warming up long after the first start: many new "
            "accounts.",
            queries={
                "tracked": "sum(distillwatch_accounts_tracked<>)",
                "warming up": "sum(distillwatch_accounts_warming_up<>)",
                "drift guard": "sum(distillwatch_accounts_suppressed_by_drift<>)",
            },
            alerts=("DistillwatchNoAccountScored", "DistillwatchModelStale"),
        ),
        Panel(
            title="Indicators",
            description="Indicators with state: values that accounts share (payments, prompts, "
            "addresses, clients).",
            queries={"tracked": "sum(distillwatch_indicators_tracked<>)"},
            alerts=("DistillwatchIndicatorsEvicted",),
        ),
        Panel(
            title="Evicted",
            description="Accounts and indicators evicted per second. accounts, capacity: memory "
            "is too small. expired and high_prevalence are normal.",
            queries={
                "accounts": f"sum(rate(distillwatch_accounts_evicted_total<>{RATE}))",
                "indicators: {{reason}}": "sum by (reason) (rate("
                f"distillwatch_indicators_evicted_total<>{RATE}))",
            },
            unit="cps",
            alerts=("DistillwatchAccountsEvicted", "DistillwatchIndicatorsEvicted"),
        ),
        Panel(
            title="Limits reached",
            description="Items dropped or deferred in the last hour because a limit was reached.",
            queries={"{{limit}}": "sum by (limit) (increase(distillwatch_limit_hits_total<>[1h]))"},
            alerts=("DistillwatchLimitReached",),
        ),
    ],
}
