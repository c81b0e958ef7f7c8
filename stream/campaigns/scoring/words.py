"""Sentences of the score's evidence; no numbers are decided here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stream.campaigns.scoring import statistics as s

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.campaigns.scoring.features import ClusterFeatures


@dataclass(frozen=True, slots=True)
class Shown:
    """How an alert shows a claim: value with unit, baseline if there is one, and a sentence."""

    value: float
    unit: str
    baseline: float | None
    meaning: str


def shown(statistic: str, cluster: ClusterFeatures, novelty: float) -> Shown:
    """Return how to show the claim of a statistic."""
    return group_novelty(novelty) if statistic == _NOVELTY else _SHOWN[statistic](cluster)


def group_novelty(log10_p: float) -> Shown:
    """Show how unlike earlier groups a cluster is."""
    share = 10.0**-log10_p
    return Shown(share, "share", None, f"at most {share:.1%} of earlier groups are as unusual")


def _young(cluster: ClusterFeatures) -> Shown:
    elsewhere = s.new_elsewhere(cluster.population_young)
    share = float(cluster.young.mean())
    return Shown(
        share, "share", elsewhere,
        f"{share:.0%} of the owners' accounts were young when they joined; elsewhere "
        f"{elsewhere:.0%} are",
    )  # fmt: skip


def _first_seen(cluster: ClusterFeatures) -> Shown:
    elsewhere = s.new_elsewhere(cluster.population_recently_first_seen)
    share = float(cluster.recently_first_seen.mean())
    return Shown(
        share, "share", elsewhere,
        f"{share:.0%} of the owners' accounts were first seen in the days before they joined; "
        f"elsewhere {elsewhere:.0%} are",
    )  # fmt: skip


def _started(cluster: ClusterFeatures) -> Shown:
    share = cluster.start_share
    return Shown(
        share, "share", None, f"{_percent(share)} of the owners began within the same three hours"
    )


def _payments(cluster: ClusterFeatures) -> Shown:
    return Shown(
        cluster.shared_payments, "payments", None,
        f"{cluster.shared_payments} different payments pay for several members each; elsewhere "
        f"{s.shared_payments_elsewhere(cluster):.0%} of the owners are such a payment",
    )  # fmt: skip


def _pace(cluster: ClusterFeatures) -> Shown:
    return Shown(
        cluster.dispersion, "squared variation", None, "the members are about equally busy"
    )


def _evenness(cluster: ClusterFeatures) -> Shown:
    # Requests more even than by chance vary by nothing beyond it, also where few of them are known.
    variation = 0.0 if math.isnan(cluster.dispersion) else cluster.dispersion
    return Shown(
        variation, "squared variation", None,
        "the members' requests are spread more evenly than by chance",
    )  # fmt: skip


def _idle(cluster: ClusterFeatures) -> Shown:
    return Shown(
        cluster.idle_free, "share", None,
        f"{_percent(cluster.idle_free)} of the members are active in nearly every hour of the day",
    )  # fmt: skip


def _prompts(cluster: ClusterFeatures) -> Shown:
    count = cluster.prompt_cooccurrence
    return _accounts(
        count, 0.0, f"a member shares several rare prompts with {count:.0f} others (median)"
    )


def _repeated_phrases(cluster: ClusterFeatures) -> Shown:
    count = cluster.phrase_cooccurrence_repeated
    return _accounts(
        count, 0.0, f"a member shares several rare phrases with {count:.0f} others (median)"
    )


def _phrases(cluster: ClusterFeatures) -> Shown:
    count = cluster.phrase_cooccurrence
    return _accounts(
        count, 1.0,
        f"a member shares rare phrases with {count:.0f} others, different ones with each (median)",
    )  # fmt: skip


def _addresses(cluster: ClusterFeatures) -> Shown:
    count = cluster.address_cooccurrence
    return _accounts(
        count, 0.0, f"a member used several of the same addresses as {count:.0f} others (median)"
    )


def _networks(cluster: ClusterFeatures) -> Shown:
    count = cluster.common_networks
    return Shown(
        count, "networks", None,
        f"a member calls from {count:.0f} rare networks that others of the group use too (median)",
    )  # fmt: skip


def _colocation(cluster: ClusterFeatures) -> Shown:
    rate = cluster.colocation_rate
    return Shown(
        rate, "share", s.colocation_elsewhere(cluster),
        f"{rate:.0%} of the members share both phrases and addresses with another account",
    )  # fmt: skip


def _handovers(cluster: ClusterFeatures) -> Shown:
    return _handed_over(cluster.handovers, cluster)


def _unlogged_handovers(cluster: ClusterFeatures) -> Shown:
    return _handed_over(cluster.unlogged_handovers, cluster)


def _handed_over(count: int, cluster: ClusterFeatures) -> Shown:
    others = cluster.handover_others
    return Shown(
        count, "conversations", 0.0,
        f"{count} conversations that one account began were continued by others; a member shares "
        f"such ones with {others:.0f} others (median)",
    )  # fmt: skip


def _contexts(cluster: ClusterFeatures) -> Shown:
    found = cluster.contexts
    return Shown(
        found.count, "accounts", found.expected,
        f"{found.count} accounts send context that others produced minutes before, by its tokens",
    )  # fmt: skip


def _foreign(cluster: ClusterFeatures) -> Shown:
    found, elsewhere = cluster.foreign, s.foreign_elsewhere(cluster)
    return Shown(
        found.share, "share", elsewhere,
        f"{found.count} of the members use what another operator reported with a confidence of "
        f"{found.confidence:.0%}; elsewhere {elsewhere:.0%} of the accounts do",
    )  # fmt: skip


def _burst(cluster: ClusterFeatures) -> Shown:
    burst = cluster.start_burst
    return Shown(
        burst.count, "payments", burst.expected,
        f"{burst.count} payments, each for several accounts, began within the same three hours",
    )  # fmt: skip


def _change_point(cluster: ClusterFeatures) -> Shown:
    burst = cluster.change_point
    return Shown(
        burst.count, "owners", burst.expected,
        f"the answers of {burst.count} owners' accounts have been longer since the same day",
    )  # fmt: skip


def _succession(cluster: ClusterFeatures) -> Shown:
    found = cluster.succession
    return Shown(
        found.count, "accounts", found.expected,
        f"{found.count} accounts fell silent, and within the hour as many new ones of the same "
        f"mix took over; occasions: {found.occasions}",
    )  # fmt: skip


def _confirmed_succession(cluster: ClusterFeatures) -> Shown:
    found = cluster.succession
    return Shown(
        found.confirmed, "accounts", found.expected,
        f"{found.confirmed} accounts of a confirmed incident fell silent, and within the hour as "
        "many new ones of the same mix took over",
    )  # fmt: skip


def _topic(cluster: ClusterFeatures) -> Shown:
    return _accounts(
        cluster.topic_residents, cluster.expected_topic_residents,
        f"{cluster.topic_residents} members keep coming back to one topic, which was far rarer "
        "among light accounts in the days before",
    )  # fmt: skip


def _scattered(cluster: ClusterFeatures) -> Shown:
    spread = cluster.hours_spread
    return Shown(
        spread, "share", None,
        f"half of the members have requests in {_percent(spread)} of the hours that as many single "
        "requests at random moments have; people have sessions",
    )  # fmt: skip


def _customers(cluster: ClusterFeatures) -> Shown:
    found = cluster.customers
    return Shown(
        found.count, "owners", found.share * found.new,
        f"of {found.new} new owners of one day {found.count} have an account that many people use, "
        "from networks and clients of their own; one person has a few",
    )  # fmt: skip


def _carried_on(cluster: ClusterFeatures) -> Shown:
    found = cluster.customers
    return Shown(
        found.carried, "accounts", None,
        f"{found.carried} new accounts fell silent, and the people behind each carried on, from "
        f"the same addresses, under an account that began then; occasions: {found.occasions}",
    )  # fmt: skip


def _spread_of_customers(cluster: ClusterFeatures) -> Shown:
    spread = cluster.hours_spread
    return Shown(
        spread, "share", None,
        f"half of the members have requests in {_percent(spread)} of the hours that as many single "
        "requests at random moments have; the people of one country sleep at the same time",
    )  # fmt: skip


def _owners(cluster: ClusterFeatures) -> Shown:
    return Shown(cluster.owners, "owners", None, f"{cluster.owners} owners")


def _accounts(count: float, baseline: float, meaning: str) -> Shown:
    return Shown(count, "accounts", baseline, meaning)


def _percent(share: float) -> str:
    return "none" if math.isnan(share) else f"{share:.0%}"


_NOVELTY: Final = "novelty_log10_p"
#: By the statistic of a claim.
_SHOWN: Final[dict[str, Callable[[ClusterFeatures], Shown]]] = {
    "young_log_ratio": _young,
    "first_seen_log_ratio": _first_seen,
    "start_share": _started,
    "start_share_of_phrase_links": _started,
    "payments_log_ratio": _payments,
    "rate_dispersion": _pace,
    "evenness_log_p": _evenness,
    "idle_free_share": _idle,
    "prompt_cooccurrence": _prompts,
    "phrase_cooccurrence_repeated": _repeated_phrases,
    "phrase_cooccurrence": _phrases,
    "weak_ties": _phrases,
    "address_cooccurrence": _addresses,
    "common_networks": _networks,
    "colocation_log_ratio": _colocation,
    "handovers": _handovers,
    "unlogged_handovers": _unlogged_handovers,
    "context_log_p": _contexts,
    "start_burst_log_p": _burst,
    "change_point_log_p": _change_point,
    "succession_log_p": _succession,
    "succession_of_sites_log_p": _succession,
    "confirmed_succession_log_p": _confirmed_succession,
    "topic_ratio": _topic,
    "spread_of_topic_links": _scattered,
    "customers_log_p": _customers,
    "customers_carried_on": _carried_on,
    "spread_of_customers": _spread_of_customers,
    "foreign_log_ratio": _foreign,
    "owners": _owners,
}
