"""The numbers of the degrees: what evidence makes a member certain, likely or only peripheral."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from stream.campaigns.scoring.claim import Parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class DegreeRule:
    """Log odds are natural logarithms."""

    #: Log odds of an account in a cluster that is scored as a campaign.
    prior: Parameter
    #: Log odds from which a member is certain, ...
    certain: Parameter
    #: ... and from which it is likely.
    likely: Parameter
    #: Log odds from which one kind of evidence agrees, or against which it speaks.
    agrees: Parameter
    #: What each doubling of the different texts that an account shares adds to their most.
    text_doubled: Parameter
    #: The part of the values in common that an account uses first whose requests are repeated.
    repeated: Parameter
    #: Log odds that repeated requests take away at most.
    most_repeated: Parameter
    #: Log odds of an owner whose other accounts are members, at least as many as are not.
    owned: Parameter
    #: Log odds against an account from which it counts against the others of its owner.
    disagrees: Parameter


RULE: Final = DegreeRule(
    prior=Parameter(value=0.0, source="assumed: half of a cluster's accounts are its campaign's"),
    certain=Parameter(value=3.0, source="assumed: one in twenty is wrong"),
    likely=Parameter(value=0.0, source="assumed: as likely a member as not"),
    agrees=Parameter(value=1.0, source="assumed: as of the aspects of a cluster"),
    text_doubled=Parameter(
        value=0.5, source="assumed: one text in common is one coincidence, however common it is"
    ),
    repeated=Parameter(
        value=0.6,
        source="measured: people whose prompts are camouflage use three in four of them first, "
        "members of a list one in five (tests/scenarios/test_bystanders.py)",
    ),
    most_repeated=Parameter(value=3.0, source="assumed: it outweighs what is shared, and no more"),
    owned=Parameter(
        value=2.2,
        source="assumed: nine in ten owners of a member are the campaign's, one in ten of others",
    ),
    disagrees=Parameter(value=2.0, source="assumed: twice what makes an aspect agree"),
)
