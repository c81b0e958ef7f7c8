"""Whether a cluster may alert: several independent aspects have to agree, whatever their sum.

Each aspect alone has a benign twin: a tool that new users install, a consultancy's cards, a fleet
of equal services. A cluster that the rule holds back scores below the clear score.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from stream.campaigns.scoring.claim import Aspect, LinkBasis, Parameter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.campaigns.scoring.model import WeighedClaim


class ClusterDecision(StrEnum):
    """What the rule decides, and why."""

    MAY_ALERT = "may alert"
    TOO_FEW_MEMBERS = "held back: fewer accounts than a campaign has"
    TOO_FEW_ASPECTS = "held back: too few independent aspects agree"
    ONE_MOVE = "held back: nothing but a succession links the accounts, and it may be one move"
    NO_COMMON_BEHAVIOUR = "held back: the accounts share content but do not act alike"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRule:
    """The numbers of the rule; log odds are natural logarithms."""

    #: Aspects that have to agree.
    least_aspects: Parameter
    #: Log odds from which an aspect agrees.
    agrees: Parameter
    #: Log odds from which an aspect counts as two.
    agrees_twice: Parameter
    #: Log odds that the accounts' behaviour has to add.
    least_behaviour: Parameter
    #: Log odds of the succession where nothing else links the accounts.
    least_succession: Parameter
    #: Owners from which a common beginning counts as behaviour.
    crowd: Parameter


RULE: Final = DecisionRule(
    least_aspects=Parameter(
        value=2, source="assumed: each aspect alone has a benign twin (tests/scenarios)"
    ),
    agrees=Parameter(value=1.0, source="assumed"),
    agrees_twice=Parameter(value=4.0, source="assumed: two weak aspects rarely add so much"),
    least_behaviour=Parameter(
        value=2.0,
        source="measured: unrelated teams that send one public test, and classes with one "
        "homework, stay below (tests/scenarios/test_quiet_campaigns.py)",
    ),
    least_succession=Parameter(
        value=3.0,
        source="assumed: on three occasions, or confirmed; fleets and keys are exchanged together, "
        "and are as even and as idle-free on both sides (tests/scenarios/test_successions.py)",
    ),
    crowd=Parameter(value=48, source="assumed: larger than classes and teams"),
)
#: Prompts, addresses and networks in common count once, however many: unrelated teams share the
#: frames and the items of one public test.
COUNT_ONCE: Final = frozenset({Aspect.CO_OCCURRENCE})
#: What accounts share; the other aspects are how they act.
_SHARED: Final = frozenset({Aspect.CO_OCCURRENCE, Aspect.LIST, Aspect.TOPIC})
#: The claim about reports of other operators, which may be forged.
REPORTED: Final = "foreign_indicators"
#: The claim by which accounts are known to be new, rather than not seen before.
_YOUNG: Final = "young_accounts"


def decide(
    counted: Sequence[WeighedClaim],
    weighed: Sequence[WeighedClaim],
    *,
    owners: int,
    succession_only: bool = False,
    links: LinkBasis = LinkBasis.OTHER,
    rule: DecisionRule = RULE,
) -> ClusterDecision:
    """Decide on a cluster by the claims that count and by all claims, counted or not.

    ``succession_only``: whether nothing but a succession links its accounts.
    ``links`` is what links its accounts.
    """
    aspects: defaultdict[Aspect, float] = defaultdict(float)
    for one in counted:
        if one.claim.aspect is not None:
            aspects[one.claim.aspect] += one.log_odds
    if succession_only and aspects[Aspect.SUCCESSION] < rule.least_succession.value:
        return ClusterDecision.ONE_MOVE
    if _agreeing(aspects, rule) < rule.least_aspects.value:
        return ClusterDecision.TOO_FEW_ASPECTS
    # Each member of a list has met others in phrases of its own: no single test explains that.
    if aspects[Aspect.LIST] > 0:
        return ClusterDecision.MAY_ALERT
    # Accounts that are not new may have begun together for a reason: a class, a release.
    young = any(one.claim.name == _YOUNG and one.log_odds > 0 for one in weighed)
    acts = young or owners >= rule.crowd.value
    # And a fashion brings a crowd of new accounts to one topic.
    acts &= links is not LinkBasis.TOPIC
    excluded = _SHARED if acts else _SHARED | {Aspect.NEWNESS}
    behaviour = sum(log_odds for aspect, log_odds in aspects.items() if aspect not in excluded)
    return (
        ClusterDecision.MAY_ALERT
        if behaviour >= rule.least_behaviour.value
        else ClusterDecision.NO_COMMON_BEHAVIOUR
    )


def corroborated(counted: Sequence[WeighedClaim], rule: DecisionRule = RULE) -> list[WeighedClaim]:
    """Return the claims without reports of others, unless different aspects of one's own agree.

    A strong aspect is still one: new users of a new tool, whose prompt a forged report names, have
    nothing but their newness in common.
    """
    aspects: defaultdict[Aspect, float] = defaultdict(float)
    for one in counted:
        if one.claim.aspect is not None:
            aspects[one.claim.aspect] += one.log_odds
    agreeing = sum(log_odds >= rule.agrees.value for log_odds in aspects.values())
    if agreeing >= rule.least_aspects.value:
        return [*counted]
    return [one for one in counted if one.claim.name != REPORTED]


def _agreeing(aspects: dict[Aspect, float], rule: DecisionRule) -> int:
    return sum(
        (log_odds >= rule.agrees.value)
        + (log_odds >= rule.agrees_twice.value and aspect not in COUNT_ONCE)
        for aspect, log_odds in aspects.items()
    )
