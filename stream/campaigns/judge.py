"""How suspicious a cluster is: the log odds that its evidence adds up to, and the evidence.

Every family of evidence is bounded, and two families have to speak: any one of them has a benign
twin (a tool that newcomers install, a consultancy's cards, a fleet of equal services). What each
rests on:

* newness - accounts made or first used for the purpose, and started together (SynchroTrap,
  Cao et al., CCS 2014: loosely synchronised actions).
* cards - several payments that each pay for several members (published: shared payment methods).
* pace - members equally busy, where people and services differ by factors; and more evenly than
  chance would have it, as whoever deals requests out in turn cannot avoid.
* no idle - members active in nearly every hour (AA26-251A: around the clock).
* partners - many partners over different rare prompts (camouflage costs popular values nothing,
  rare ones everything; FRAUDAR, Hooi et al., KDD 2016).
* neighbours - many partners over different addresses, where more than addresses links them: the
  translators of a carrier put thousands of customers behind the same ones (RFC 6888).
* companions - acquaintances behind the same addresses: words and places are independent among
  strangers.
* cohort - payments with several accounts each that began together. It stands in for cards and
  for a common start where payments are all that links the accounts: they were put together by
  those.
* turn - answers that have grown since the same day, against each account's own past. Where nothing
  is said that is how standing accounts move to a new model together; pace or idle has to agree.
* intimates - partners in several different phrases, where more than what they ask links them.
* acquaintances - accounts met in rare phrases, ever other ones (one list of items for all): many
  of them, or few in phrases that few have. Many speak for two families: each was met in phrases of
  its own.
* unusual - unlike the groups seen here before, by River's half-space trees over all of this. It is
  made of what the others say, so it counts by half and is no family of its own.

Partners, intimates and acquaintances are made of the same words, so the strongest of them counts:
unrelated teams share the frames and the items of one public test.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.settings import BUDGET
from stream.core.findings import Evidence
from stream.core.thresholds import DEFAULT_THRESHOLDS, ScoreThresholds

if TYPE_CHECKING:
    from stream.campaigns.features import ClusterFeatures
    from stream.core.batch import Array

#: Log odds before any evidence: groups that share something are nearly always harmless.
_PRIOR: Final = -4.0
#: The same of groups that share nothing but what they ask: classes and test sets do.
_ASKED_PRIOR: Final = -6.3
#: The same of groups that share nothing but prompts, or prompts and what they ask.
_SAID_PRIOR: Final = -5.0
#: What fewer than three owners cost: that is an organisation until shown otherwise.
_FEW_OWNERS: Final = -2.0
_LEAST_OWNERS: Final = 3
_NEW_IN_CAMPAIGNS: Final = 0.7
_MOST_BY_YOUNG: Final = 3.5
#: Teams and classes arrive together: each doubling of owners over a team's counts by so much.
_TEAM: Final = 8
_BY_ARRIVED: Final = 1.75
_MOST_BY_ARRIVED: Final = 4.5
#: From so many owners on, those who arrived together are no class.
_CROWD: Final = 48
_CARDS_IN_CAMPAIGNS: Final = 0.7
_SPEAKS: Final = 1.0  # log odds from which a family counts as evidence of its own
_LEAST_FAMILIES: Final = 2
#: Benign accounts have 14 partners by a single value at the 95th percentile, hardly any by several.
_MANY_PARTNERS: Final = 16
_MOST_BY_PARTNERS: Final = 4.5
#: Of acquaintances, benign accounts have 28 at the 99th percentile: that many are one in hundred.
_USUAL_ACQUAINTANCES: Final = 12
#: The same of strangers: 3 at the 95th percentile, 5 at the 99th.
_USUAL_STRANGERS: Final = 2
_MOST_BY_ACQUAINTANCES: Final = 8.0
#: An item has two phrases, and lists that are dealt out have an item for each account or more.
_VARIED: Final = 2.0
_UNSURPRISING: Final = 3.0  # natural logarithm
#: No benign account had a companion; one in twenty is far on the safe side.
_LEAST_ACCOMPANIED: Final = 0.05
_ACCOMPANIED_IN_CAMPAIGNS: Final = 0.4
#: Log odds from which a family counts as two.
_SPEAKS_TWICE: Final = 4.0
#: Unrelated teams share the frames and the items of one public test, classes their homework: so
#: where the same accounts share much, how they act has to speak by so much.
_ONCE: Final = "partners"
_SHARES: Final = ("partners", "acquaintances")
_ACTS: Final = 2.0
#: Groups are looked at again and again, so one in 400 is as even by chance; natural logarithm.
_EVEN_BY_CHANCE: Final = 6.0
_MOST_BY_EVEN: Final = 3.5
#: Campaigns are taken to be as unusual as one group in 1 to 1,000, each decade equally likely.
_UNUSUAL_DECADES: Final = 3.0
#: A test that is put to a new model is unlike everything before, too.
_MOST_BY_UNUSUAL: Final = 0.75
_LEAST_BY_UNUSUAL: Final = -0.5


@dataclass(frozen=True, slots=True)
class Judgement:
    """A score from 0 to 1 and the evidence that raised it, strongest first."""

    score: float
    evidence: list[Evidence]


@dataclass(frozen=True, slots=True)
class _Claim:
    feature: str
    family: str
    odds: float
    value: float
    unit: str
    baseline: float | None
    meaning: str


def judge(
    cluster: ClusterFeatures,
    *,
    unusual: float = math.nan,
    budget: float = BUDGET,
    thresholds: ScoreThresholds = DEFAULT_THRESHOLDS,
) -> Judgement:
    """Weigh the features of a cluster.

    ``unusual`` is how unlike the groups seen before it is, in decades; NaN while that is unknown.
    ``budget`` is of false incidents, per 10,000 accounts and day, and nominal: were the claims
    exact likelihood ratios, a harmless group would ever reach odds x times higher with a
    probability of 1/x at most, however often one looks (Ville's inequality), so the budget moves
    the odds by its logarithm. That two families have to speak it does not change.
    """
    young = _young(cluster)
    said = max(
        _partners(cluster), _intimates(cluster), _acquaintances(cluster), key=lambda c: c.odds
    )
    claims = [
        *_newness(cluster, young),
        _cards(cluster),
        _pace(cluster),
        _idle_free(cluster),
        said,
        _neighbours(cluster),
        _companions(cluster),
        _together(cluster),
        _turned(cluster),
    ]
    derived = _unusual(unusual)
    prior = _ASKED_PRIOR if cluster.asked_only else _SAID_PRIOR if cluster.said_only else _PRIOR
    odds = prior + math.log(budget / BUDGET) + sum(claim.odds for claim in claims) + derived.odds
    if cluster.owners < _LEAST_OWNERS:
        odds += _FEW_OWNERS
    families: dict[str, float] = {}
    for claim in claims:
        families[claim.family] = families.get(claim.family, 0.0) + claim.odds
    score = 1 / (1 + math.exp(-odds))
    speaking = sum(
        (odds >= _SPEAKS) + (odds >= _SPEAKS_TWICE and family != _ONCE)
        for family, odds in families.items()
    )
    # What is not new may have begun together for a reason of its own: a class, a release.
    new = young.odds > 0 or cluster.owners >= _CROWD
    silent = _SHARES if new else (*_SHARES, "newness")
    acts = sum(odds for family, odds in families.items() if family not in silent)
    if speaking < _LEAST_FAMILIES or (said.feature != "acquaintances" and acts < _ACTS):
        score = min(score, thresholds.capped_score)
    return Judgement(score, _evidence([*claims, derived]))


def _evidence(claims: list[_Claim]) -> list[Evidence]:
    speaking = sorted(
        (claim for claim in claims if claim.odds > 0), key=lambda c: (-c.odds, c.feature)
    )
    total = sum(claim.odds for claim in speaking) or 1.0
    return [
        Evidence(
            feature=claim.feature,
            value=round(float(claim.value), 4),  # an int would be another number once stored
            unit=claim.unit,
            baseline=None if claim.baseline is None else round(claim.baseline, 4),
            contribution=round(claim.odds / total, 4),
            meaning=claim.meaning,
        )
        for claim in speaking
    ]


def _newness(cluster: ClusterFeatures, young: _Claim) -> list[_Claim]:
    """Return what says that the accounts are new: made lately, or else first seen lately."""
    started, arrived = _started(cluster), _arrived(cluster)
    # Who asks the same list may have begun with it for a reason of its own: a class, a release.
    seen = [arrived] if cluster.asked_only else [arrived, started]
    made = [young, started]
    return made if sum(c.odds for c in made) >= sum(c.odds for c in seen) else seen


def _young(cluster: ClusterFeatures) -> _Claim:
    usual, share, odds = _mixture(cluster.young, cluster.population_young)
    return _Claim(
        "young_accounts", "newness", min(odds, _MOST_BY_YOUNG), share, "share", usual,
        f"{share:.0%} of the owners' accounts were young when they joined; "
        f"{usual:.0%} are elsewhere",
    )  # fmt: skip


def _arrived(cluster: ClusterFeatures) -> _Claim:
    usual, share, odds = _mixture(cluster.arrived, cluster.population_arrived)
    odds = min(odds, _most_by_arrived(cluster.owners))
    if cluster.asked_only:
        odds *= _long_list(cluster)
    return _Claim(
        "first_seen_lately", "newness", odds, share, "share", usual,
        f"{share:.0%} of the owners' accounts were never seen before the days in which they "
        f"joined; {usual:.0%} elsewhere",
    )  # fmt: skip


def _most_by_arrived(owners: int) -> float:
    """Return what arriving together counts at most: teams and classes do, of up to some dozens."""
    return min(_BY_ARRIVED * math.log2(max(owners / _TEAM, 1)), _MOST_BY_ARRIVED)


def _mixture(shares: Array, population: float) -> tuple[float, float, float]:
    """Return (usual share, share, log odds) of accounts that are new, by owner.

    Half of the campaigns have accounts as others have: then it says nothing for or against.
    """
    usual = min(max(population, 0.03), 0.5)
    if not len(shares):
        return usual, 0.0, 0.0
    yes = math.log(_NEW_IN_CAMPAIGNS / usual)
    no = math.log((1 - _NEW_IN_CAMPAIGNS) / (1 - usual))
    made = float((shares * yes + (1 - shares) * no).sum())
    return usual, float(shares.mean()), float(np.logaddexp(made, 0)) - math.log(2)


def _started(cluster: ClusterFeatures) -> _Claim:
    share = cluster.start_share
    silent = math.isnan(share) or cluster.paid_only
    odds = 0.0 if silent else 1.5 * min(max((share - 0.4) / 0.5, 0), 1)
    return _Claim(
        "started_together", "newness", odds, share, "share", None,
        f"{_percent(share)} of the owners began within the same three hours",
    )  # fmt: skip


def _cards(cluster: ClusterFeatures) -> _Claim:
    usual = min(max(cluster.population_cards, 0.01), 0.7)
    yes = math.log(_CARDS_IN_CAMPAIGNS / usual)
    no = math.log((1 - _CARDS_IN_CAMPAIGNS) / (1 - usual))
    odds = cluster.cards * yes + (cluster.owners - cluster.cards) * no
    # One payment for all is an organisation; two may be its departments.
    most = {0: 0.0, 1: 0.0, 2: 1.5}.get(cluster.cards, 3.0)
    if cluster.paid_only:
        most = 0.0
    return _Claim(
        "shared_payments", "cards", min(max(odds, 0.0), most), cluster.cards, "payments", None,
        f"{cluster.cards} different payments pay for several members each; "
        f"elsewhere {usual:.0%} of the owners are such a payment",
    )  # fmt: skip


def _pace(cluster: ClusterFeatures) -> _Claim:
    spread = cluster.dispersion
    alike = 0.0 if math.isnan(spread) else 1.5 * min(max((0.5 - spread) / 0.35, -0.7), 1)
    even = min((cluster.evenness - _EVEN_BY_CHANCE) / 2, _MOST_BY_EVEN)
    return _Claim(
        "same_pace", "pace", max(alike, even), spread, "squared variation", None,
        "requests are dealt to the members more evenly than chance would"
        if even > alike
        else "the members are about equally busy",
    )  # fmt: skip


def _idle_free(cluster: ClusterFeatures) -> _Claim:
    share = cluster.idle_free
    odds = 0.0 if math.isnan(share) else 2.0 * min(max((share - 0.3) / 0.5, 0), 1)
    return _Claim(
        "no_idle_hours", "idle", odds, share, "share", None,
        f"{_percent(share)} of the members hardly miss an hour of the day",
    )  # fmt: skip


def _partners(cluster: ClusterFeatures) -> _Claim:
    count = cluster.partners
    return _Claim(
        "partners", "partners", _by_partners(count), count, "accounts", 0.0,
        f"a member shares several different rare prompts with {count:.0f} others (median)",
    )  # fmt: skip


def _neighbours(cluster: ClusterFeatures) -> _Claim:
    count = cluster.neighbours
    # A carrier's translators give its customers the same addresses (RFC 6888).
    odds = 0.0 if cluster.placed_only else _by_partners(count)
    return _Claim(
        "neighbours", "partners", odds, count, "accounts", 0.0,
        f"a member came from several of the same addresses as {count:.0f} others (median)",
    )  # fmt: skip


def _intimates(cluster: ClusterFeatures) -> _Claim:
    count = cluster.intimates
    return _Claim(
        "intimates", "partners", 0.0 if cluster.asked_only else _by_partners(count), count,
        "accounts", 0.0,
        f"a member asked several of the same things as {count:.0f} others (median)",
    )  # fmt: skip


def _by_partners(count: float) -> float:
    return min(3.0 * math.log2(1 + count) / math.log2(1 + _MANY_PARTNERS), _MOST_BY_PARTNERS)


def _acquaintances(cluster: ClusterFeatures) -> _Claim:
    count = cluster.acquaintances
    odds = max(
        2.0 * math.log2(max(count, 1) / _USUAL_ACQUAINTANCES),
        2.5 * math.log2(max(cluster.strangers, 1) / _USUAL_STRANGERS),
        0,
    )
    odds = min(odds, _MOST_BY_ACQUAINTANCES) * _long_list(cluster)
    return _Claim(
        "acquaintances", "acquaintances", odds, count, "accounts", 1.0,
        f"a member asked the same as {count:.0f} others, in different rare phrases (median)",
    )  # fmt: skip


def _long_list(cluster: ClusterFeatures) -> float:
    """Return how long the list is for so many, 0 to 1.

    Homework is a short list for many; whoever harvests a model has more to ask than accounts.
    """
    return min(cluster.variety / _VARIED, 1.0)


def _companions(cluster: ClusterFeatures) -> _Claim:
    share = cluster.accompanied
    usual = min(max(cluster.usually_accompanied, _LEAST_ACCOMPANIED), 0.9)
    yes = math.log(_ACCOMPANIED_IN_CAMPAIGNS / usual)
    no = math.log((1 - _ACCOMPANIED_IN_CAMPAIGNS) / (1 - usual))
    # They come in pairs: half of them say it, the others are those of whom it is said.
    odds = float(np.clip(cluster.members / 2 * (share * yes + (1 - share) * no), 0, 4))
    if share <= usual:  # as chance has it, or less
        odds = 0.0
    return _Claim(
        "companions", "companions", odds, share, "share", usual,
        f"{share:.0%} of the members asked the same as another one behind the same addresses",
    )  # fmt: skip


def _together(cluster: ClusterFeatures) -> _Claim:
    # Gathered by their beginning alone, they have to surprise by it, or are none.
    surprise = cluster.began.surprise - _UNSURPRISING
    odds = float(np.clip(surprise, -3, 3)) if cluster.paid_only else 0.0
    return _Claim(
        "began_together", "cohort", odds, cluster.began.count, "payments", cluster.began.usual,
        f"{cluster.began.count} payments, each for several accounts, began within the same three "
        "hours",
    )  # fmt: skip


def _turned(cluster: ClusterFeatures) -> _Claim:
    count = cluster.turned.count
    odds = min(max(cluster.turned.surprise - _UNSURPRISING, 0.0), 3.0)
    return _Claim(
        "turned_together", "turn", odds, count, "owners", cluster.turned.usual,
        f"the answers of {count} owners' accounts have grown since the same day",
    )  # fmt: skip


def _unusual(decades: float) -> _Claim:
    ratio = math.log(10) * decades - math.log(_UNUSUAL_DECADES * math.log(10))
    odds = float(np.clip(ratio / 2, _LEAST_BY_UNUSUAL, _MOST_BY_UNUSUAL))
    share = 10.0**-decades
    return _Claim(
        "unusual_group", "unusual", 0.0 if math.isnan(decades) else odds, share, "share", None,
        f"of the groups seen here before, at most {share:.1%} look as unusual",
    )  # fmt: skip


def _percent(share: float) -> str:
    return "none" if math.isnan(share) else f"{share:.0%}"
