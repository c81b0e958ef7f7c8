"""What a cluster of accounts looks like, in numbers; whether that is bad is the judge's to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.stats import chi2

from stream.campaigns.graph.cooccurrence import partners
from stream.campaigns.graph.membership import cards
from stream.campaigns.graph.phrase_cooccurrence import phrases_of
from stream.campaigns.graph.snapshot import CONTENT
from stream.core.links import LinkKind
from stream.store.order import ascending

if TYPE_CHECKING:
    from stream.campaigns.graph.bursts import Bursts
    from stream.campaigns.links.edges import EdgeTable
    from stream.campaigns.population.reference_population import ReferencePopulation
    from stream.core.batch import Array

_HOUR_S: Final = 3600.0
_START_WINDOW_S: Final = 3 * _HOUR_S
_WARM_UP_S: Final = 6 * _HOUR_S
_LEAST_SPAN_S: Final = 12 * _HOUR_S
_OCCUPIED: Final = 0.9
_FEW_OF: Final = 0.1
#: Fewer members, or fewer requests of each, show no pace.
_LEAST_MEMBERS: Final = 8
_LEAST_MEAN: Final = 5.0


@dataclass(frozen=True, slots=True)
class ClusterFeatures:
    """Numbers about one cluster; shares are 0 to 1, NaN where nothing is known."""

    members: int
    owners: int
    #: Per owner that it is known of, the share of its accounts that were created lately when they
    #: joined; and the others' mean.
    young: Array
    population_young: float
    #: The same of accounts that were first seen lately.
    arrived: Array
    population_arrived: float
    #: How many owners are payments with several members, and the share of all others that are.
    cards: int
    population_cards: float
    #: Squared coefficient of variation of the members' daily rates, beyond counting noise, by the
    #: 16th and the 84th percentile.
    dispersion: float
    #: How surprising it is that their requests of a day are so equal, natural logarithm: by chance
    #: alone independent accounts of one rate differ by the square root of it (Poisson).
    evenness: float
    #: Owners that began within the busiest three hours, of all.
    start_share: float
    #: Members that were active in nine of ten hours of half a day or more, of all.
    idle_free: float
    #: Median over members of their partners over several different rare prompts.
    partners: float
    #: The same over several different phrases.
    intimates: float
    #: The same over several different addresses.
    neighbours: float
    #: Median over members of the accounts of other owners that they met in rare phrases, at most
    #: as many as there are other members.
    acquaintances: float
    #: Different phrases that several members share, of as many members.
    variety: float
    #: The same of strangers among them, at most a tenth of the other members.
    strangers: float
    #: Members that have a companion among those, of all.
    accompanied: float
    #: The same as chance has it.
    usually_accompanied: float
    #: Whether phrases are all that links them.
    asked_only: bool
    #: Whether payments are all that links them.
    paid_only: bool
    #: Whether addresses are.
    placed_only: bool
    #: Whether all that they share is what they say: no payments, no addresses either.
    said_only: bool
    #: Payments that began within the same three hours; none where more than they link.
    began: Together
    #: Owners whose answers have grown since the same day.
    turned: Together


@dataclass(frozen=True, slots=True)
class Together:
    """How many began together, how many usually do, how surprising that is (natural logarithm)."""

    count: int = 0
    usual: float = 0.0
    surprise: float = 0.0

    @classmethod
    def of(cls, cohorts: Bursts, things: Array) -> Together:
        """Count those among ``things``."""
        count, usual = cohorts.together(things)
        return cls(count, usual, cohorts.surprise(count, usual))


@dataclass(frozen=True, slots=True)
class Joined:
    """Accounts (slots), shape ``(n,)``, when each joined (epoch seconds), and LinkKinds."""

    accounts: Array
    since: Array
    kinds: frozenset[int]


def features(
    table: EdgeTable, everybody: ReferencePopulation, joined: Joined, *, origin: float
) -> ClusterFeatures:
    """Compute the features of a cluster; ``origin`` is when anything was first seen."""
    snapshot, accounts = everybody.snapshot, joined.accounts
    owners, owner = np.unique(snapshot.owner[accounts], return_inverse=True)
    young = everybody.novelty.young(table, accounts, joined.since)
    arrived = everybody.novelty.arrived(table, accounts, joined.since)
    paid_only = joined.kinds == {LinkKind.PAYMENT}
    paying = cards(snapshot, accounts)
    neighbours = float(np.median(partners(table, snapshot, accounts, (LinkKind.ADDRESS,))))
    met = everybody.acquaintances
    accompanied = float(met.accompanied[accounts].mean())
    return ClusterFeatures(
        members=len(accounts),
        owners=len(owners),
        young=_mean_by(owner, young, len(owners)),
        population_young=everybody.young.share(but=accounts),
        arrived=_mean_by(owner, arrived, len(owners)),
        population_arrived=everybody.arrived.share(but=accounts),
        cards=paying,
        population_cards=everybody.card_share(but=accounts),
        dispersion=_dispersion(table.accounts["day_requests"][accounts]),
        evenness=_evenness(table.accounts["day_requests"][accounts]),
        start_share=_start_share(owner, joined.since, origin),
        idle_free=_idle_free(table, accounts, snapshot.time - joined.since),
        partners=float(np.median(partners(table, snapshot, accounts, CONTENT))),
        intimates=float(np.median(partners(table, snapshot, accounts, (LinkKind.PHRASE,)))),
        neighbours=neighbours,
        # Those of a small group have met others than its members: that is no evidence on it. And
        # a class soon meets all of itself; who is one of many that are dealt a list meets few.
        acquaintances=min(float(np.median(met.count[accounts])), len(accounts) - 1.0),
        variety=len(phrases_of(snapshot, accounts)) / len(accounts),
        strangers=min(float(np.median(met.strangers[accounts])), _FEW_OF * (len(accounts) - 1)),
        accompanied=accompanied,
        usually_accompanied=met.usually_accompanied(accounts, len(snapshot.known))
        if accompanied
        else 0.0,
        asked_only=joined.kinds == {LinkKind.PHRASE},
        paid_only=paid_only,
        placed_only=joined.kinds == {LinkKind.ADDRESS},
        said_only=joined.kinds <= {*CONTENT, LinkKind.PHRASE} and not paying and not neighbours,
        began=Together.of(everybody.cohorts, _payments(snapshot.payment[accounts]))
        if paid_only
        else Together(),
        turned=Together.of(everybody.turns, owners)
        if LinkKind.TURN in joined.kinds
        else Together(),
    )


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
    # Light accounts differ by chance alone: too little traffic says nothing about their pace.
    if len(requests) < 8 or requests.sum() < 60:  # noqa: PLR2004 - smallest sample
        return float("nan")
    # Of the middle two thirds: one in ten that is something else does not hide the pace of others.
    low, middle, high = np.quantile(requests, (0.16, 0.5, 0.84))
    return max(0.0, float((high - low) / 2) ** 2 - float(middle)) / max(float(middle), 1.0) ** 2


def _evenness(requests: Array) -> float:
    mean = float(requests.mean())
    if len(requests) < _LEAST_MEMBERS or mean < _LEAST_MEAN:
        return 0.0
    # Fisher's index of dispersion: below its own distribution only where somebody deals them out.
    spread = float(((requests - mean) ** 2).sum()) / mean
    return max(-float(chi2.logcdf(spread, len(requests) - 1)), 0.0)


def _start_share(owner: Array, since: Array, origin: float) -> float:
    first = np.full(int(owner.max(initial=-1)) + 1, np.inf)
    np.minimum.at(first, owner, since)
    # What is there when watching begins has not begun together.
    if len(first) < 5 or first.min() < origin + _WARM_UP_S:  # noqa: PLR2004 - smallest sample
        return float("nan")
    first = np.sort(first)
    within = np.searchsorted(first, first + _START_WINDOW_S, side="right") - np.arange(len(first))
    return float(within.max()) / len(first)


def _idle_free(table: EdgeTable, accounts: Array, span_s: Array) -> float:
    known = span_s >= _LEAST_SPAN_S
    if not known.any():
        return float("nan")
    hours = np.minimum(span_s[known] / _HOUR_S, 24)
    awake = table.accounts["active_hours"][accounts][known] >= _OCCUPIED * hours
    # Of those who came lately nobody knows yet: they are like anybody.
    return float(np.count_nonzero(awake) / len(known))
