"""Settings of the links stage and of the cluster detector."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

#: False incidents per 10,000 accounts and day that the score's priors stand for; nominal.
ALERTS_BUDGET: Final = 0.1


class CampaignSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What links accounts, how much of it is remembered, and when a cluster is suspicious."""

    alerts_budget: Annotated[
        float,
        Meta(
            ge=0.0001,
            le=100,
            description="False campaign incidents accepted (nominal): ten times the budget lowers "
            "the odds that an incident needs to a tenth",
            extra={"unit": "per 10,000 accounts and day"},
        ),
    ] = ALERTS_BUDGET
    remember_s: Annotated[
        float,
        Meta(
            ge=3600,
            description="An account counts for an indicator this long after its last use",
            extra={"unit": "s"},
        ),
    ] = 3 * 86400.0
    max_links: Annotated[
        int,
        Meta(
            ge=1000,
            description="Links (account and indicator) remembered per partition; beyond it "
            "indicators of a single account are forgotten first",
            extra={"unit": "links"},
        ),
    ] = 500_000
    max_members: Annotated[
        int,
        Meta(
            ge=10,
            description="Accounts remembered per indicator; further ones are not counted",
            extra={"unit": "accounts"},
        ),
    ] = 5_000
    max_campaign_accounts: Annotated[
        int,
        Meta(
            ge=100,
            description="Accounts remembered of a campaign and named in its alert; a record of "
            "topics.max_record_bytes has to hold them",
            extra={"unit": "accounts"},
        ),
    ] = 30_000
    high_prevalence_accounts: Annotated[
        int,
        Meta(
            ge=10,
            description="An indicator of more accounts has a high prevalence and links none of "
            "them, unless it is rare by campaigns.high_prevalence_share",
            extra={"unit": "accounts"},
        ),
    ] = 1_000
    high_prevalence_share: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            description="An indicator of a greater share of the known accounts has a high "
            "prevalence",
            extra={"unit": "share"},
        ),
    ] = 0.02
    high_prevalence_clients: Annotated[
        int,
        Meta(
            ge=2,
            description="As campaigns.high_prevalence_accounts, for a TLS fingerprint with its "
            "user agent",
            extra={"unit": "accounts"},
        ),
    ] = 50
    high_prevalence_phrases: Annotated[
        int,
        Meta(
            ge=2,
            description="As campaigns.high_prevalence_accounts, for runs of words of a prompt",
            extra={"unit": "accounts"},
        ),
    ] = 30
    high_prevalence_conversations: Annotated[
        int,
        Meta(
            ge=2,
            description="As campaigns.high_prevalence_accounts, for conversations: one that very "
            "many accounts continue was published",
            extra={"unit": "accounts"},
        ),
    ] = 100
    high_prevalence_networks: Annotated[
        int,
        Meta(
            ge=16,
            description="As campaigns.high_prevalence_accounts, for networks, of accounts that "
            "call from several",
            extra={"unit": "accounts"},
        ),
    ] = 16
    resend_s: Annotated[
        float,
        Meta(
            ge=0,
            description="A group without new members is sent to alerting at most this often",
            extra={"unit": "s"},
        ),
    ] = 300.0
    score_every_s: Annotated[
        float,
        Meta(
            ge=1,
            description="Clusters are formed and scored this often, in event time",
            extra={"unit": "s"},
        ),
    ] = 300.0
    min_members: Annotated[
        int,
        Meta(
            ge=3,
            description="A campaign has at least this number of accounts",
            extra={"unit": "accounts"},
        ),
    ] = 8
    young_s: Annotated[
        float,
        Meta(
            gt=0,
            description="An account is young until this long after its creation",
            extra={"unit": "s"},
        ),
    ] = 30 * 86400.0
    first_seen_s: Annotated[
        float,
        Meta(
            gt=0,
            description="An account counts as recently first seen until this long after its first "
            "request in the log",
            extra={"unit": "s"},
        ),
    ] = 3 * 86400.0
