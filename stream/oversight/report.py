"""The report of a period, as its readers get it. Descriptions become the published schema."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from stream.core.decisions import Action
from stream.core.feedback import VerdictLabel
from stream.core.findings import Severity

#: Raised when a field changes its meaning or is removed; new fields do not raise it.
SCHEMA_VERSION: Final = 1

_Time = Annotated[str, Meta(description="RFC 3339 in UTC")]
_Optional = Annotated[str | None, Meta(description="RFC 3339 in UTC; null: it has not happened")]


class LeakedShare(msgspec.Struct, frozen=True, kw_only=True):
    """A share between two bounds, because figures of an incident are written now and then."""

    at_least: Annotated[float, Meta(description="By the last figures written before")]
    at_most: Annotated[float, Meta(description="By the first figures written after")]


class NetworkGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Accounts of a campaign that use one network."""

    network: Annotated[str, Meta(description="Keyed fingerprint, 16 hex digits")]
    accounts: Annotated[int, Meta(description="Accounts of the campaign, 5 or more")]


class Networks(msgspec.Struct, frozen=True, kw_only=True):
    """Networks that members share, as far as the alert has them; small groups are not shown."""

    groups: Annotated[list[NetworkGroup], Meta(description="Of 5 accounts or more, largest first")]
    other: Annotated[int, Meta(description="Number of shared networks with fewer accounts")]


class TokenSum(msgspec.Struct, frozen=True, kw_only=True):
    """Requests and tokens."""

    requests: Annotated[int, Meta(description="Requests")] = 0
    input_tokens: Annotated[int, Meta(description="Of these requests")] = 0
    output_tokens: Annotated[int, Meta(description="Of these requests")] = 0
    reasoning_tokens: Annotated[int, Meta(description="Of the output, as far as logged")] = 0


_GroupName = Annotated[
    str | None,
    Meta(
        description="Country (ISO 3166-1) or model as logged; empty: unknown; null: all groups of "
        "fewer than 5 accounts, and those beyond the bounds"
    ),
]


class EgressGroup(msgspec.Struct, frozen=True, kw_only=True):
    """What left to one country, or of one model."""

    name: _GroupName
    sums: TokenSum


class CampaignGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Members of a campaign with one main country or model, and all of their traffic."""

    name: _GroupName
    accounts: Annotated[int, Meta(description="Members, 5 or more, but for null")]
    sums: TokenSum


class EgressDay(msgspec.Struct, frozen=True, kw_only=True):
    """What left on a day of UTC, by the times of the log."""

    day: Annotated[str, Meta(description="2026-03-02")]
    until: Annotated[_Time, Meta(description="Counted up to then")]
    total: TokenSum
    campaigns_known: Annotated[
        TokenSum, Meta(description="Of this, of known members of campaigns not found harmless")
    ]
    campaigns_before: Annotated[
        TokenSum,
        Meta(
            description="Of members found that day, since the first evidence on each; much of it "
            "left on earlier days"
        ),
    ]
    countries: Annotated[list[EgressGroup], Meta(description="Most output tokens first")]
    models: Annotated[list[EgressGroup], Meta(description="The same; failed requests have none")]


class Egress(msgspec.Struct, frozen=True, kw_only=True):
    """All that left, of all accounts, from the ledger; it names no account."""

    oldest_day: Annotated[
        str | None, Meta(description="Where the ledger begins; null: it is empty")
    ]
    total: TokenSum
    campaigns_known: Annotated[TokenSum, Meta(description="The sum of that of the days")]
    campaigns_before: Annotated[TokenSum, Meta(description="The sum of that of the days")]
    countries: Annotated[list[EgressGroup], Meta(description="Most output tokens first")]
    models: Annotated[list[EgressGroup], Meta(description="The same; failed requests have none")]
    days: Annotated[list[EgressDay], Meta(description="Days of the period with traffic")]


class ActionCount(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions of one action, and how they ended."""

    action: Annotated[Action, Meta(description="What is done")]
    decisions: Annotated[
        int, Meta(description="Decisions, whatever became of them, without replaced ones")
    ] = 0
    simulated: Annotated[int, Meta(description="Of these, carried out by no gateway")] = 0
    waiting: Annotated[int, Meta(description="Proposals that no one has answered yet")] = 0
    unanswered: Annotated[int, Meta(description="Proposals whose time passed unanswered")] = 0
    refused: Annotated[int, Meta(description="Proposals that a person refused")] = 0
    approved: Annotated[int, Meta(description="Approved, whatever came later")] = 0
    enforced: Annotated[int, Meta(description="Held by an enforcer; simulated ones never")] = 0
    undone: Annotated[int, Meta(description="Taken back, by a person or a verdict")] = 0
    expired: Annotated[int, Meta(description="Approved, and ended at their time")] = 0
    replaced: Annotated[
        int, Meta(description="Proposals in whose place came one with more accounts or stronger")
    ] = 0


class EffectSum(msgspec.Struct, frozen=True, kw_only=True):
    """What enforcers have done, of all decisions."""

    refused: Annotated[int, Meta(description="Requests that were refused")] = 0
    slowed: Annotated[int, Meta(description="Requests beyond a throttle's rate")] = 0
    changed: Annotated[int, Meta(description="Requests that passed with a header or changed")] = 0
    simulated: Annotated[int, Meta(description="Requests that were only counted")] = 0
    tokens_not_taken_estimate: Annotated[
        int | None, Meta(description="Output tokens, an estimate; null: no decision has one")
    ] = None


class Delay(msgspec.Struct, frozen=True, kw_only=True):
    """How long something took, over the incidents where it happened."""

    incidents: Annotated[int, Meta(description="Incidents where it happened")]
    median_s: Annotated[float | None, Meta(description="Seconds; null: none")]
    p90_s: Annotated[
        float | None, Meta(description="Seconds that nine of ten did not exceed; null: none")
    ]


class Delays(msgspec.Struct, frozen=True, kw_only=True):
    """From the first evidence to what was done."""

    detect: Annotated[Delay, Meta(description="From the first evidence to the first alert")]
    decide: Annotated[Delay, Meta(description="From the alert to the last needed approval")]
    enforce: Annotated[Delay, Meta(description="From there until an enforcer held the decision")]
    refuse: Annotated[Delay, Meta(description="From there to the first request refused or slowed")]


class CampaignRow(msgspec.Struct, frozen=True, kw_only=True):
    """One campaign, by its newest alert; it names no account."""

    campaign_id: Annotated[str, Meta(description="As alerts have it")]
    alert_id: Annotated[str, Meta(description="Its incident")]
    open: Annotated[bool, Meta(description="The newest alert is firing")]
    severity: Annotated[Severity, Meta(description="The highest it had")]
    score: Annotated[float, Meta(description="0 to 1, of the newest alert")]
    verdict: Annotated[VerdictLabel | None, Meta(description="What a person decided it was")]
    accounts: Annotated[int, Meta(description="Certain and likely members")]
    accounts_certain: Annotated[int, Meta(description="Certain members")]
    requests: Annotated[int, Meta(description="Of these accounts, since the first evidence")]
    input_tokens: Annotated[int, Meta(description="Of these requests")]
    output_tokens: Annotated[int, Meta(description="Of these requests")]
    reasoning_tokens: Annotated[int, Meta(description="Of the output, as far as logged")]
    first_seen: Annotated[_Time, Meta(description="First evidence")]
    last_seen: Annotated[_Time, Meta(description="Time of the newest alert")]
    detected: Annotated[_Time, Meta(description="First alert")]
    decided: Annotated[_Optional, Meta(description="First approval that was complete")]
    enforced: Annotated[_Optional, Meta(description="An enforcer first held a decision")]
    first_refused: Annotated[_Optional, Meta(description="First request refused or slowed")]
    detect_s: Annotated[float, Meta(description="Seconds from first evidence to first alert")]
    decide_s: Annotated[
        float | None, Meta(description="Seconds from the alert to the first complete approval")
    ]
    enforce_s: Annotated[
        float | None, Meta(description="Seconds from there until an enforcer held the decision")
    ]
    refuse_s: Annotated[
        float | None, Meta(description="Seconds from the approval to the first request stopped")
    ]
    leaked_before_alert: Annotated[
        float | None,
        Meta(
            description="Output tokens of the first alert as a share of those of the newest, at "
            "least; null: the first alert is not on the topic, or members have left"
        ),
    ]
    leaked_before_action: Annotated[
        LeakedShare | None,
        Meta(
            description="The same until an enforcer held a decision that changes requests; null: "
            "none did, or no alert was written afterwards"
        ),
    ]
    techniques: Annotated[list[str], Meta(description="MITRE ATLAS and OWASP ids")]
    evidence: Annotated[list[str], Meta(description="Names of the evidence, strongest first")]
    networks: Networks
    countries: Annotated[
        list[CampaignGroup], Meta(description="Each member counts with its main country")
    ]
    models: Annotated[
        list[CampaignGroup], Meta(description="Each member counts with its main model")
    ]
    actions: Annotated[list[ActionCount], Meta(description="Mildest first")]
    effect: EffectSum
    model_version: Annotated[str, Meta(description="Model that scored")]


class IncidentSum(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over incidents."""

    incidents: Annotated[int, Meta(description="Campaigns and single accounts")]
    campaigns: Annotated[int, Meta(description="Campaigns")]
    accounts: Annotated[
        int, Meta(description="Accused accounts; one of two incidents counts twice")
    ]
    requests: Annotated[int, Meta(description="Of these, since each first evidence")]
    input_tokens: Annotated[int, Meta(description="Of these requests")]
    output_tokens: Annotated[int, Meta(description="Of these requests")]
    reasoning_tokens: Annotated[
        int, Meta(description="Of the output of campaigns, as far as logged")
    ]
    countries: Annotated[
        list[CampaignGroup], Meta(description="Of campaigns, the sums of their rows")
    ]
    models: Annotated[list[CampaignGroup], Meta(description="Of campaigns, the sums of their rows")]
    severities: Annotated[dict[Severity, int], Meta(description="Incidents by severity")]
    verdicts: Annotated[
        dict[VerdictLabel, int], Meta(description="Incidents by a person's latest verdict")
    ]
    techniques: Annotated[dict[str, int], Meta(description="Incidents by ATLAS or OWASP id")]
    actions: Annotated[list[ActionCount], Meta(description="Mildest first")]
    effect: EffectSum
    delays: Delays


class RecordCount(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of a topic."""

    topic: Annotated[
        Literal["alerts", "verdicts", "decisions", "effects", "ledger"], Meta(description="It")
    ]
    read: Annotated[int, Meta(description="Records")]
    damaged: Annotated[
        int, Meta(description="Of these, not readable, not signed, or forged: they count nothing")
    ]


class OversightReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in a period, what left, and what was done; it names no account."""

    schema_version: Annotated[int, Meta(description="1; raised when a field changes its meaning")]
    version: Annotated[str, Meta(description="distillwatch that made the report")]
    since: Annotated[_Time, Meta(description="Incidents whose first alert is not before")]
    until: Annotated[_Time, Meta(description="and before this time")]
    newest_record: Annotated[
        _Optional, Meta(description="Figures are as of this time; null: the topics are empty")
    ]
    oldest_alert: Annotated[
        _Optional, Meta(description="Where the alerts topic begins; null: it is empty")
    ]
    complete: Annotated[
        bool, Meta(description="The alerts topic begins before the period, and nothing is missing")
    ]
    total: Annotated[IncidentSum, Meta(description="All incidents")]
    not_cleared: Annotated[
        IncidentSum, Meta(description="Without those that a person found false or benign")
    ]
    single_accounts: Annotated[
        IncidentSum, Meta(description="Incidents of a single account; no row of their own")
    ]
    campaigns: Annotated[list[CampaignRow], Meta(description="In the order of their first alerts")]
    egress: Annotated[Egress, Meta(description="All that left, and the part of campaigns")]
    decisions_without_alert: Annotated[
        list[ActionCount],
        Meta(description="Decisions proposed in the period whose alert is not on the topic"),
    ]
    drills: Annotated[int, Meta(description="Drills of the period; no other figure has them")]
    models: Annotated[dict[str, int], Meta(description="Incidents by the model that scored")]
    records: Annotated[list[RecordCount], Meta(description="What was read")]
    limits: Annotated[list[str], Meta(description="What the report and the detector cannot show")]
