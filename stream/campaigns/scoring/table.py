"""The score's numbers: a row for each claim, and the priors. Nothing is computed here.

``make calibrate`` fits the rows of which enough is recorded and rewrites their knots and sources;
docs/model.md shows all of them. Log odds are natural logarithms.
"""

from __future__ import annotations

from typing import Final

from stream.campaigns.scoring.claim import Aspect, Axis, Claim, Curve, LinkBasis, Parameter

PRIORS: Final = {
    LinkBasis.OTHER: Parameter(
        value=-4.0,
        source="assumed: groups that share something are nearly always harmless",
    ),
    LinkBasis.CONTENT: Parameter(
        value=-5.0,
        source="assumed: test sets and tools make unrelated accounts send the same content",
    ),
    LinkBasis.PHRASES: Parameter(
        value=-6.3,
        source="assumed: classes and public test sets make many accounts send the same phrases",
    ),
    LinkBasis.CONTEXT: Parameter(
        value=-5.0,
        source="assumed: as content alone; pipelines hand documents from one key to another",
    ),
    LinkBasis.TOPIC: Parameter(
        value=-6.3,
        source="assumed: exams, releases and fashions bring many accounts to one topic",
    ),
    LinkBasis.CUSTOMERS: Parameter(
        value=-4.0,
        source="assumed: as other links; launches, courses and a vendor's new customers bring keys "
        "of many people on one day, but not of equally many, all over the world",
    ),
}

CLAIMS: Final = (
    Claim(
        name="young_accounts",
        curve=Curve("young_log_ratio", ((-0.7, -0.7), (3.5, 3.5))),
        source="assumed: the log likelihood ratio itself, at most 3.5",
        aspect=Aspect.NEWNESS,
        group="age",
    ),
    Claim(
        name="recently_first_seen",
        curve=Curve("first_seen_log_ratio", ((-0.7, -0.7), (4.5, 4.5))),
        source="assumed: the log likelihood ratio itself; teams and classes of up to some dozens "
        "arrive together, too, so each doubling of owners over 8 allows 1.75",
        aspect=Aspect.NEWNESS,
        group="age",
        limit=Curve("owners", ((8, 0.0), (47.551817, 4.5)), Axis.LOG),
        reliability=Curve("variety_of_phrase_links", ((0.0, 0.0), (2.0, 1.0))),
    ),
    Claim(
        name="started_together",
        curve=Curve("start_share", ((0.4, 0.0), (0.9, 1.5))),
        source="assumed, after loosely synchronised actions (SynchroTrap, Cao et al., CCS 2014)",
        aspect=Aspect.NEWNESS,
    ),
    Claim(
        name="started_together",
        curve=Curve("start_share_of_phrase_links", ((0.4, 0.0), (0.9, 1.5))),
        source="assumed, as above; a class has a reason of its own to begin together, so it does "
        "not count beside how new the accounts are",
        aspect=Aspect.NEWNESS,
        group="age",
    ),
    Claim(
        name="shared_payments",
        curve=Curve("payments_log_ratio", ((0.0, 0.0), (3.0, 3.0))),
        source="assumed: the log likelihood ratio itself; one payment is an organisation, two may "
        "be its departments",
        aspect=Aspect.PAYMENTS,
        limit=Curve("shared_payments", ((1, 0.0), (2, 1.5), (3, 3.0))),
    ),
    Claim(
        name="same_pace",
        curve=Curve("rate_dispersion", ((0.15, 1.5), (0.745, -1.05))),
        source="assumed: people and services differ in their daily rates by factors",
        aspect=Aspect.PACE,
        group="pace",
    ),
    Claim(
        name="same_pace",
        curve=Curve("evenness_log_p", ((0.0, -3.0), (13.0, 3.5))),
        source="assumed: groups are scored again and again, so one in 400 (6 in natural "
        "logarithms) is as even by chance",
        aspect=Aspect.PACE,
        group="pace",
    ),
    Claim(
        name="no_idle_hours",
        curve=Curve("idle_free_share", ((0.3, 0.0), (0.8, 2.0))),
        source="assumed, after around-the-clock extraction (AA26-251A)",
        aspect=Aspect.IDLENESS,
        group="hours",
    ),
    Claim(
        name="scattered_requests",
        curve=Curve("spread_of_topic_links", ((0.45, 0.0), (0.8, 2.0))),
        source="measured on simulated people with the pauses of real programmers: 0.26 at the "
        "median, 0.53 at the 95th percentile; accounts that are dealt single requests have 0.87",
        aspect=Aspect.IDLENESS,
        group="hours",
    ),
    Claim(
        name="prompt_cooccurrence",
        curve=Curve(
            "prompt_cooccurrence", ((0, 0.0), (16, 3.0), (69.092796, 4.5)), Axis.LOG1P
        ),
        source="measured on the benchmark's first set: benign accounts have 14 by one prompt at "
        "the 95th percentile, hardly any by several; rare values make camouflage expensive "
        "(FRAUDAR, Hooi et al., KDD 2016)",
        aspect=Aspect.CO_OCCURRENCE,
        group="words",
    ),
    Claim(
        name="phrase_cooccurrence_repeated",
        curve=Curve(
            "phrase_cooccurrence_repeated",
            ((0, 0.0), (16, 3.0), (69.092796, 4.5)),
            Axis.LOG1P,
        ),
        source="assumed: as prompt_cooccurrence",
        aspect=Aspect.CO_OCCURRENCE,
        group="words",
    ),
    Claim(
        name="phrase_cooccurrence",
        curve=Curve("phrase_cooccurrence", ((12, 0.0), (192, 8.0)), Axis.LOG),
        source="measured on the benchmark's first set: benign accounts have 28 at the 99th "
        "percentile; homework is a short list for many accounts, harvesting has two phrases an "
        "account or more",
        aspect=Aspect.LIST,
        group="words",
        reliability=Curve("prompt_variety", ((0.0, 0.0), (2.0, 1.0))),
    ),
    Claim(
        name="phrase_cooccurrence",
        curve=Curve("weak_ties", ((2, 0.0), (18.379174, 8.0)), Axis.LOG),
        source="measured on the benchmark's first set: benign accounts have 3 at the 95th and 5 "
        "at the 99th percentile",
        aspect=Aspect.LIST,
        group="words",
        reliability=Curve("prompt_variety", ((0.0, 0.0), (2.0, 1.0))),
    ),
    Claim(
        name="address_cooccurrence",
        curve=Curve(
            "address_cooccurrence", ((0, 0.0), (16, 3.0), (69.092796, 4.5)), Axis.LOG1P
        ),
        source="assumed: as prompt_cooccurrence, where more than addresses links the accounts: "
        "mobile networks put thousands of customers behind the same ones (RFC 6888)",
        aspect=Aspect.CO_OCCURRENCE,
        group="exits",
    ),
    Claim(
        name="common_networks",
        curve=Curve("common_networks", ((2, 0.0), (6, 4.0)), Axis.LOG),
        source="assumed: people share two rare networks (home and office); customers of a small "
        "VPN and of each other's homes share as many, so it counts once beside another aspect "
        "(tests/scenarios/test_common_networks.py)",
        aspect=Aspect.CO_OCCURRENCE,
        group="exits",
    ),
    Claim(
        name="colocation",
        curve=Curve("colocation_log_ratio", ((0.0, 0.0), (4.0, 4.0))),
        source="assumed: the log likelihood ratio itself, at most 4",
        aspect=Aspect.CO_LOCATION,
    ),
    Claim(
        name="conversation_handover",
        curve=Curve("handovers", ((6, 0.0), (16, 6.0), (40, 8.0)), Axis.LOG),
        source="assumed: of 13,118 conversations of unrelated accounts none was handed over "
        "(measured on independent traffic); sixteen between accounts that mostly continue what "
        "others began are a router's, and below six a circle of friends may exchange them",
        aspect=Aspect.HANDOVER,
        group="handover",
    ),
    Claim(
        name="conversation_handover",
        curve=Curve("unlogged_handovers", ((24, 0.0), (96, 6.0), (152.393465, 8.0)), Axis.LOG),
        source="assumed, as above; without answers in the log, examples in front of prompts look "
        "like earlier turns, and a library or public test has some dozens",
        aspect=Aspect.HANDOVER,
        group="handover",
    ),
    Claim(
        name="context_handover",
        curve=Curve("context_log_p", ((4.0, 0.0), (12.0, 5.0))),
        source="assumed: five eighths of -ln p beyond 4, at most 5, for it is known by numbers of "
        "tokens alone",
        aspect=Aspect.HANDOVER,
        group="handover",
    ),
    Claim(
        name="start_burst",
        curve=Curve("start_burst_log_p", ((0.0, -3.0), (6.0, 3.0))),
        source="assumed: -ln p less 3, of accounts that nothing but payments links: they were "
        "gathered by their beginning, so a common one has to be rare",
        aspect=Aspect.BURST,
    ),
    Claim(
        name="shared_change_point",
        curve=Curve("change_point_log_p", ((3.0, 0.0), (6.0, 3.0))),
        source="assumed: -ln p less 3, at most 3",
        aspect=Aspect.CHANGE_POINT,
    ),
    Claim(
        name="succession",
        curve=Curve("succession_log_p", ((2.0, 0.0), (6.5, 4.5))),
        source="assumed: -ln p less 2, at most 4.5; one company that moves to other keys does so "
        "once, and without an interruption",
        aspect=Aspect.SUCCESSION,
        group="succession",
        limit=Curve("succession_occasions", ((1, 1.5), (2, 2.5), (4, 4.5))),
        reliability=Curve("interruption", ((2.0, 0.0), (4.0, 1.0))),
    ),
    Claim(
        name="succession",
        curve=Curve("succession_of_sites_log_p", ((6.0, 0.0), (12.0, 3.5))),
        source="assumed: -ln p less 6, at most 3.5, however few the occasions; where addresses are "
        "logged, a company's keys and a fleet are one owner each, but a vendor may renew the keys "
        "of all its customers",
        aspect=Aspect.SUCCESSION,
        group="succession",
    ),
    Claim(
        name="succession_of_confirmed",
        curve=Curve("confirmed_succession_log_p", ((0.0, 0.0), (6.0, 6.0))),
        source="assumed: -ln p itself, at most 6; a person has confirmed what the predecessors "
        "were",
        aspect=Aspect.SUCCESSION,
        group="succession",
    ),
    Claim(
        name="narrow_topic",
        curve=Curve("topic_ratio", ((3, 0.0), (30, 2.0)), Axis.LOG),
        source="assumed: weak, for exams, releases and fashions do the same; measured on real "
        "prompts: 27 times as many accounts as by chance, of which 99 in 100 were planted",
        aspect=Aspect.TOPIC,
        group="words",
    ),
    Claim(
        name="many_customers",
        curve=Curve("customers_log_p", ((3.0, 0.0), (6.5, 3.5))),
        source="assumed: -ln p less 3, at most 3.5; measured: of 393 benign accounts in three days "
        "three are crowded (accounts/windows/crowded.py), none of them new",
        aspect=Aspect.CUSTOMERS,
    ),
    Claim(
        name="around_the_world",
        curve=Curve("spread_of_customers", ((0.67, 0.0), (0.85, 2.0))),
        source="assumed: people of one country are awake for 16 of 24 hours; measured: teams of up "
        "to twenty people behind one key have 0.58 at the median, 0.67 at most",
        aspect=Aspect.IDLENESS,
        group="hours",
    ),
    Claim(
        name="customers_carried_on",
        curve=Curve("customers_carried_on", ((1, 0.0), (2, 1.5), (4, 4.0)), Axis.LOG),
        source="assumed: one is a key that was lost and replaced; new accounts that are replaced "
        "within days, on several occasions, each with all of its people, are what bans leave",
        aspect=Aspect.SUCCESSION,
        group="succession",
    ),
    Claim(
        name="group_novelty",
        curve=Curve("novelty_log10_p", ((0.405042, -0.5), (1.490779, 0.75))),
        source="measured on the benchmark's first set: at most 0.75, for what is new and harmless "
        "is as novel, and 1.5 alerted on a test put to a new model; half the log likelihood "
        "ratio under a log-uniform prior over three decades",
        aspect=None,
    ),
    Claim(
        name="foreign_indicators",
        curve=Curve("foreign_log_ratio", ((1.0, 0.0), (3.0, 1.5))),
        source="assumed: a report of another operator, at most 1.5 and by its confidence, less "
        "where other accounts use what it names; it is no aspect, and counts only beside two "
        "different aspects of one's own, for who forges one must not be able to accuse "
        "(tests/scenarios/test_foreign_indicators.py)",
        aspect=None,
        reliability=Curve("foreign_confidence", ((0.0, 0.0), (1.0, 1.0))),
    ),
    Claim(
        name="few_owners",
        curve=Curve("owners", ((2, -2.0), (3, 0.0))),
        source="assumed: fewer than three owners are an organisation until shown otherwise",
        aspect=None,
    ),
)  # fmt: skip
