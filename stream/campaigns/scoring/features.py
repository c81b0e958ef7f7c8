"""What a cluster of accounts looks like, in numbers; how suspicious that is, is up to the graph."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import chdtr

from stream.accounts.topics.residents import BY_CHANCE
from stream.campaigns.contexts.chance import ContextSize
from stream.campaigns.graph.common_networks import shared_networks
from stream.campaigns.graph.cooccurrence import SampledEdges
from stream.campaigns.graph.membership import residents, shared_payments
from stream.campaigns.graph.phrase_cooccurrence import phrases_of
from stream.campaigns.graph.snapshot import CONTENT
from stream.campaigns.population.crowded_accounts import NO_CUSTOMERS, CustomersSize
from stream.campaigns.population.foreign_indicators import NO_FOREIGN, ForeignSize
from stream.campaigns.scoring.claim import LinkBasis
from stream.campaigns.succession.figures import SuccessionSize
from stream.core.links import LinkKind
from stream.store.order import ascending, median

if TYPE_CHECKING:
    from stream.campaigns.graph.bursts import ScanStatistic
    from stream.campaigns.graph.snapshot import Snapshot
    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.campaigns.population.reference_population import ReferencePopulation
    from stream.core.batch import Array

_HOUR_S: Final = 3600.0
_START_WINDOW_S: Final = 3 * _HOUR_S
_WARM_UP_S: Final = 6 * _HOUR_S
_LEAST_SPAN_S: Final = 12 * _HOUR_S
_OCCUPIED: Final = 0.9
_FEW_OF: Final = 0.1
#: In a log with addresses this part of the accounts shares one (assumed: in homes and offices).
_LEAST_AT_SITES: Final = 0.01
#: Fewer members, or fewer requests of each, show no pace.
_LEAST_MEMBERS: Final = 8
_LEAST_MEAN: Final = 5.0
#: Requests of a day from which the hours that they are in are evidence (assumed).
_LEAST_REQUESTS: Final = 4


@dataclass(frozen=True, slots=True)
class BurstSize:
    """How many began together, how many do by chance, and -ln p of that."""

    count: int = 0
    expected: float = 0.0
    log_p: float = 0.0

    @classmethod
    def of(cls, bursts: ScanStatistic, things: Array) -> BurstSize:
        """Count those among ``things``."""
        count, expected = bursts.busiest(things)
        return cls(count, expected, bursts.log_p(count, expected))


@dataclass(frozen=True, slots=True)
class ClusterFeatures:
    """Numbers about one cluster; shares are 0 to 1, NaN where nothing is known.

    ``population_`` means the reference population without the cluster's own accounts.
    """

    members: int
    owners: int
    #: What links the accounts; decides the prior.
    links: LinkBasis
    payments_only: bool
    addresses_only: bool
    #: Per owner with known creation times, the share of its accounts that were young when they
    #: joined, shape ``(n,)``.
    young: Array
    population_young: float
    #: The same of accounts that were first seen shortly before they joined.
    recently_first_seen: Array
    population_recently_first_seen: float
    #: Owners that are a payment with several members, and their share in the population.
    shared_payments: int
    population_shared_payments: float
    #: Squared coefficient of variation of the members' daily rates beyond counting noise, by the
    #: 16th and the 84th percentile.
    dispersion: float
    #: -ln p of daily requests that equal, if independent accounts had one rate (Poisson).
    evenness_log_p: float
    #: Owners that began within the busiest three hours, of all.
    start_share: float
    #: Members that were active in nine of ten hours of half a day or more, of all.
    idle_free: float
    #: Median over members of the accounts with which they share several rare prompts.
    prompt_cooccurrence: float
    #: The same of several phrases.
    phrase_cooccurrence_repeated: float
    #: The same of several addresses.
    address_cooccurrence: float
    #: Median over members of the rare networks that they share with members of other owners.
    common_networks: float
    #: Median over members of the accounts of other owners with which they share at least one rare
    #: phrase, at most the other members.
    phrase_cooccurrence: float
    #: The same of weak ties, at most a tenth of the other members.
    weak_ties: float
    #: Different phrases that several members share, per member.
    prompt_variety: float
    #: Members that share phrases and addresses with another account, of all; and by chance.
    colocation_rate: float
    expected_colocation_rate: float
    #: Different conversations that members handed to one another; those of equal accounts are one.
    handovers: int
    #: The same where the log has no answers.
    unlogged_handovers: int
    #: Median over members of the accounts with which they share such conversations.
    handover_others: float
    #: Payments that began within the same three hours; none where other links exist.
    start_burst: BurstSize
    #: Owners whose answers have been longer since the same day.
    change_point: BurstSize
    #: Whether succession alone links the accounts.
    succession_only: bool
    succession: SuccessionSize
    #: Whether the log has addresses, so that accounts of one site are one owner.
    sites_known: bool
    #: Members that live in a topic that surged, and how many of all known accounts do by chance.
    topic_residents: int = 0
    expected_topic_residents: float = 0.0
    #: Median over members of the hours of a day with a request, of those that as many requests at
    #: random moments have; NaN where few are known.
    hours_spread: float = math.nan
    customers: CustomersSize = NO_CUSTOMERS
    #: Owners that take contexts over which other accounts have produced, by token counts.
    contexts: ContextSize = field(default_factory=ContextSize)
    #: Members that use what other operators reported.
    foreign: ForeignSize = NO_FOREIGN


@dataclass(frozen=True, slots=True)
class ClusterMembers:
    """Accounts (slots), shape ``(n,)``, when each joined (epoch seconds), and LinkKinds."""

    accounts: Array
    since: Array
    kinds: frozenset[int]


def features(
    graph: BipartiteGraph,
    population: ReferencePopulation,
    members: ClusterMembers,
    *,
    origin: float,
) -> ClusterFeatures:
    """Compute the features of a cluster; ``origin`` is when anything was first seen."""
    snapshot, accounts = population.snapshot, members.accounts
    owners, owner = np.unique(snapshot.owner[accounts], return_inverse=True)
    young = population.recency.young(graph, accounts, members.since)
    first_seen = population.recency.recently_first_seen(graph, accounts, members.since)
    succession = SuccessionSize()
    if LinkKind.SUCCESSION in members.kinds:
        succession = population.successions.among(accounts, snapshot.owner)
        # Who takes over is new by definition: that is no further evidence.
        took_over = np.isin(accounts, population.successions.successor)
        young[took_over] = first_seen[took_over] = np.nan
    customers = NO_CUSTOMERS
    if LinkKind.CUSTOMERS in members.kinds:
        customers = population.customers.among(
            accounts, share=population.crowded.share(but=accounts)
        )
        # And so are accounts that are linked by when they began.
        began = population.customers.crowded[accounts]
        young[began] = first_seen[began] = np.nan
    payments_only = members.kinds == {LinkKind.PAYMENT}
    paying = shared_payments(snapshot, accounts)
    sampled = SampledEdges.of(graph, snapshot, accounts)
    addresses = median(sampled.cooccurrence_degree((LinkKind.ADDRESS,)))
    met = population.phrases
    co_located = float(met.co_located[accounts].mean())
    return ClusterFeatures(
        members=len(accounts),
        owners=len(owners),
        links=_link_basis(members.kinds, paying=paying > 0, addresses=addresses > 0),
        payments_only=payments_only,
        addresses_only=members.kinds <= {LinkKind.ADDRESS, LinkKind.NETWORK},
        young=_mean_by(owner, young, len(owners)),
        population_young=population.young.share(but=accounts),
        recently_first_seen=_mean_by(owner, first_seen, len(owners)),
        population_recently_first_seen=population.recently_first_seen.share(but=accounts),
        shared_payments=paying,
        population_shared_payments=population.shared_payment_share(but=accounts),
        dispersion=_dispersion(graph.accounts["day_requests"][accounts]),
        evenness_log_p=_evenness_log_p(graph.accounts["day_requests"][accounts]),
        start_share=_start_share(owner, members.since, origin),
        idle_free=_idle_free(graph, accounts, snapshot.time - members.since),
        prompt_cooccurrence=median(sampled.cooccurrence_degree(CONTENT)),
        phrase_cooccurrence_repeated=median(sampled.cooccurrence_degree((LinkKind.PHRASE,))),
        address_cooccurrence=addresses,
        common_networks=median(shared_networks(snapshot, accounts)),
        # Members of a small group share phrases with others than its members: no evidence on it.
        # And a class soon meets all of itself; a member that is dealt part of a list meets few.
        phrase_cooccurrence=min(median(met.degree[accounts]), len(accounts) - 1.0),
        prompt_variety=len(phrases_of(snapshot, accounts)) / len(accounts),
        weak_ties=min(median(met.weak_ties[accounts]), _FEW_OF * (len(accounts) - 1)),
        colocation_rate=co_located,
        expected_colocation_rate=met.expected_colocation_rate(accounts, len(snapshot.known))
        if co_located
        else 0.0,
        handovers=population.handovers.different_among(accounts, logged=True),
        unlogged_handovers=population.handovers.different_among(accounts, logged=False),
        handover_others=median(population.handovers.others[accounts]),
        start_burst=BurstSize.of(population.payment_bursts, _payments(snapshot.payment[accounts]))
        if payments_only
        else BurstSize(),
        change_point=BurstSize.of(population.change_point_bursts, owners)
        if LinkKind.CHANGE_POINT in members.kinds
        else BurstSize(),
        succession_only=members.kinds - {LinkKind.TOPIC} == {LinkKind.SUCCESSION},
        succession=succession,
        sites_known=succession.count > 0 and _sites_known(snapshot),
        topic_residents=residents(snapshot, accounts) if LinkKind.TOPIC in members.kinds else 0,
        expected_topic_residents=BY_CHANCE * len(snapshot.known),
        hours_spread=_hours_spread(graph, accounts),
        customers=customers,
        contexts=population.contexts.among(
            accounts, snapshot.owner, linked=LinkKind.CONTEXT in members.kinds
        ),
        foreign=population.foreign.among(accounts),
    )


def _link_basis(kinds: frozenset[int], *, paying: bool, addresses: bool) -> LinkBasis:
    if kinds == {LinkKind.TOPIC}:
        return LinkBasis.TOPIC
    kinds -= {LinkKind.TOPIC}  # the others are the stronger links
    if kinds == {LinkKind.CUSTOMERS}:
        return LinkBasis.CUSTOMERS
    if kinds == {LinkKind.CONTEXT}:
        return LinkBasis.CONTEXT
    if kinds == {LinkKind.PHRASE}:
        return LinkBasis.PHRASES
    content = kinds <= {*CONTENT, LinkKind.PHRASE} and not paying and not addresses
    return LinkBasis.CONTENT if content else LinkBasis.OTHER


def _sites_known(snapshot: Snapshot) -> bool:
    at_address = snapshot.kind[snapshot.value] == LinkKind.ADDRESS
    accounts = len(ascending(snapshot.account[at_address]))
    return accounts >= max(_LEAST_AT_SITES * len(snapshot.known), 2)


def _mean_by(group: Array, values: Array, groups: int) -> Array:
    """Return the mean of the known values of each group that has any."""
    known = ~np.isnan(values)
    count = np.bincount(group[known], minlength=groups)
    total = np.bincount(group[known], values[known], minlength=groups)
    some = count > 0
    return np.asarray(total[some] / count[some])


def _payments(payments: Array) -> Array:
    return ascending(payments[payments >= 0])


def _dispersion(requests: Array) -> float:
    # Light accounts differ by chance alone: too little traffic shows no pace.
    if len(requests) < 8 or requests.sum() < 60:  # noqa: PLR2004 - smallest sample
        return float("nan")
    # The middle two thirds: one unlike account in ten does not hide the pace of the others.
    low, middle, high = np.quantile(requests, (0.16, 0.5, 0.84))
    return max(0.0, float((high - low) / 2) ** 2 - float(middle)) / max(float(middle), 1.0) ** 2


def _evenness_log_p(requests: Array) -> float:
    mean = float(requests.mean())
    if len(requests) < _LEAST_MEMBERS or mean < _LEAST_MEAN:
        return 0.0
    # Fisher's index of dispersion: below its own distribution only where requests are dealt out.
    spread = float(((requests - mean) ** 2).sum()) / mean
    chance = float(chdtr(len(requests) - 1, spread))
    return max(-float(np.log(chance)), 0.0) if chance > 0 else math.inf


def _start_share(owner: Array, since: Array, origin: float) -> float:
    first = np.full(int(owner.max(initial=-1)) + 1, np.inf)
    np.minimum.at(first, owner, since)
    # What is there when watching begins has not begun together.
    if len(first) < 5 or first.min() < origin + _WARM_UP_S:  # noqa: PLR2004 - smallest sample
        return float("nan")
    first = np.sort(first)
    within = np.searchsorted(first, first + _START_WINDOW_S, side="right") - np.arange(len(first))
    return float(within.max()) / len(first)


def _idle_free(graph: BipartiteGraph, accounts: Array, span_s: Array) -> float:
    known = span_s >= _LEAST_SPAN_S
    if not known.any():
        return float("nan")
    hours = np.minimum(span_s[known] / _HOUR_S, 24)
    awake = graph.accounts["active_hours"][accounts][known] >= _OCCUPIED * hours
    # Members that joined lately are unknown yet: they count as others do.
    return float(np.count_nonzero(awake) / len(known))


def _hours_spread(graph: BipartiteGraph, accounts: Array) -> float:
    requests = graph.accounts["day_requests"][accounts]
    known = requests >= _LEAST_REQUESTS
    if np.count_nonzero(known) < _LEAST_MEMBERS:
        return math.nan
    # Of n requests at random moments, this many of 24 hours have one.
    expected = 24 * (1 - (23 / 24) ** requests[known].astype(np.float64))
    return median(graph.accounts["active_hours"][accounts][known] / expected)
