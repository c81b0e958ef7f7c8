"""The statistics that the claims read: features as ratios, tails and counts; no weights.

Likelihood ratios compare a cluster's accounts with the reference population, natural logarithm.
A statistic that does not apply to a cluster is absent; one that is unknown is NaN.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.scoring.claim import LinkBasis

if TYPE_CHECKING:
    from stream.campaigns.scoring.features import ClusterFeatures
    from stream.core.batch import Array

#: Share of new accounts in a campaign that buys accounts. Assumed; half of the campaigns do.
_NEW_IN_CAMPAIGNS: Final = 0.7
_BUY_ACCOUNTS: Final = 0.5
#: Share of a campaign's owners that are a payment with several members. Assumed.
_SHARED_PAYMENTS_IN_CAMPAIGNS: Final = 0.7
#: Share of a campaign's accounts that are co-located with another member. Assumed.
_CO_LOCATED_IN_CAMPAIGNS: Final = 0.4
#: Co-located accounts come in pairs: half of them are independent observations.
_INDEPENDENT: Final = 0.5
#: Bounds of the shares in the reference population, so that few accounts prove little. Assumed;
#: for co-location measured: of 90 benign accounts that share an address none is co-located, and
#: one in twenty is far on the safe side.
_NEW_ELSEWHERE: Final = (0.03, 0.5)
_SHARED_PAYMENTS_ELSEWHERE: Final = (0.01, 0.7)
_CO_LOCATED_ELSEWHERE: Final = (0.05, 0.9)
_FOREIGN_ELSEWHERE: Final = (0.01, 1.0)


def statistics(cluster: ClusterFeatures, *, novelty: float = math.nan) -> dict[str, float]:
    """Return the statistics that apply to a cluster by name; NaN is unknown.

    ``novelty`` is -log10 p, NaN while that is unknown.
    """
    return {
        "owners": cluster.owners,
        "young_log_ratio": newness_log_ratio(cluster.young, cluster.population_young),
        "first_seen_log_ratio": newness_log_ratio(
            cluster.recently_first_seen, cluster.population_recently_first_seen
        ),
        "shared_payments": cluster.shared_payments,
        "rate_dispersion": cluster.dispersion,
        "evenness_log_p": cluster.evenness_log_p,
        "idle_free_share": cluster.idle_free,
        "prompt_cooccurrence": cluster.prompt_cooccurrence,
        "phrase_cooccurrence": cluster.phrase_cooccurrence,
        "weak_ties": cluster.weak_ties,
        "common_networks": cluster.common_networks,
        "prompt_variety": cluster.prompt_variety,
        "colocation_log_ratio": _colocation_log_ratio(cluster),
        "handovers": cluster.handovers,
        "unlogged_handovers": cluster.unlogged_handovers,
        "change_point_log_p": cluster.change_point.log_p,
        "context_log_p": cluster.contexts.log_p,
        "novelty_log10_p": novelty,
    } | (_foreign(cluster) | _by_links(cluster))


def _by_links(cluster: ClusterFeatures) -> dict[str, float]:
    """Return the statistics that depend on what links the accounts."""
    found: dict[str, float] = {}
    if cluster.topic_residents:
        found["topic_ratio"] = cluster.topic_residents / cluster.expected_topic_residents
    if cluster.customers.count or cluster.customers.carried:
        found["customers_log_p"] = cluster.customers.log_p
        found["customers_carried_on"] = cluster.customers.occasions
        found["spread_of_customers"] = cluster.hours_spread
    if cluster.links is LinkBasis.TOPIC:
        found["spread_of_topic_links"] = cluster.hours_spread
    if cluster.links is LinkBasis.PHRASES:
        found["variety_of_phrase_links"] = cluster.prompt_variety
        found["start_share_of_phrase_links"] = cluster.start_share
    else:
        found["phrase_cooccurrence_repeated"] = cluster.phrase_cooccurrence_repeated
    if not cluster.addresses_only:
        found["address_cooccurrence"] = cluster.address_cooccurrence
    if cluster.payments_only:
        found["start_burst_log_p"] = cluster.start_burst.log_p
    else:
        found["payments_log_ratio"] = _payments_log_ratio(cluster)
        # An account joins with its second prompt in a topic, not when it begins; or because of when
        # it began.
        otherwise = {
            LinkBasis.PHRASES,
            LinkBasis.TOPIC,
            LinkBasis.CUSTOMERS,
            LinkBasis.CONTEXT,
        }
        if cluster.links not in otherwise and not cluster.succession_only:
            found["start_share"] = cluster.start_share
    if cluster.succession.count:
        found["succession_log_p"] = cluster.succession.log_p
        if cluster.sites_known:
            found["succession_of_sites_log_p"] = cluster.succession.log_p
        found["succession_occasions"] = cluster.succession.occasions
        found["interruption"] = cluster.succession.interruption
        found["confirmed_succession_log_p"] = cluster.succession.confirmed_log_p
    return found


def new_elsewhere(population: float) -> float:
    """Return which share of the reference population's accounts counts as new."""
    return _within(population, _NEW_ELSEWHERE)


def newness_log_ratio(shares: Array, population: float) -> float:
    """Return the log likelihood ratio of accounts that are new, by owner; NaN of none.

    A mixture: some campaigns have accounts as others have, so old accounts count little against.
    """
    if not len(shares):
        return math.nan
    bought = float(_bernoulli(shares, _NEW_IN_CAMPAIGNS, new_elsewhere(population)).sum())
    return float(np.logaddexp(bought + math.log(_BUY_ACCOUNTS), math.log(1 - _BUY_ACCOUNTS)))


def shared_payments_elsewhere(cluster: ClusterFeatures) -> float:
    """Return which share of the other owners counts as payments with several accounts."""
    return _within(cluster.population_shared_payments, _SHARED_PAYMENTS_ELSEWHERE)


def colocation_elsewhere(cluster: ClusterFeatures) -> float:
    """Return which share of accounts counts as co-located by chance."""
    return _within(cluster.expected_colocation_rate, _CO_LOCATED_ELSEWHERE)


def _payments_log_ratio(cluster: ClusterFeatures) -> float:
    share = np.array(cluster.shared_payments / cluster.owners)
    elsewhere = shared_payments_elsewhere(cluster)
    return cluster.owners * float(_bernoulli(share, _SHARED_PAYMENTS_IN_CAMPAIGNS, elsewhere))


def foreign_elsewhere(cluster: ClusterFeatures) -> float:
    """Return which share of the other accounts counts as users of reported values."""
    return _within(cluster.foreign.elsewhere, _FOREIGN_ELSEWHERE)


def _foreign(cluster: ClusterFeatures) -> dict[str, float]:
    if not cluster.foreign.count:
        return {}
    # Of one account: an indicator is one report, however many accounts use what it names.
    share = max(cluster.foreign.share, foreign_elsewhere(cluster))
    return {
        "foreign_log_ratio": math.log(share / foreign_elsewhere(cluster)),
        "foreign_confidence": cluster.foreign.confidence,
    }


def _colocation_log_ratio(cluster: ClusterFeatures) -> float:
    rate, elsewhere = cluster.colocation_rate, colocation_elsewhere(cluster)
    if rate <= elsewhere:  # as by chance, or less: no evidence either way
        return 0.0
    observed = _INDEPENDENT * cluster.members
    return observed * float(_bernoulli(np.array(rate), _CO_LOCATED_IN_CAMPAIGNS, elsewhere))


def _bernoulli(shares: Array, campaigns: float, elsewhere: float) -> Array:
    """Return the mean log likelihood ratio of observations of which ``shares`` are true."""
    true, false = math.log(campaigns / elsewhere), math.log((1 - campaigns) / (1 - elsewhere))
    return np.asarray(shares * true + (1 - shares) * false)


def _within(share: float, bounds: tuple[float, float]) -> float:
    least, most = bounds
    return min(max(share, least), most)
