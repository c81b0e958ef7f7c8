"""What the cluster detector gives to alerting: scored clusters, and look-ups of indicators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import numpy as np
    from numpy.typing import NDArray

    from stream.core.batch import Slots
    from stream.core.findings import Evidence, Shared
    from stream.core.links import LinkKind

#: The owner of each account as a number: equal numbers are one owner (graph/owners.py).
OwnerNumbers: TypeAlias = "Slots"
#: LinkKind of each row, as u1.
Kinds: TypeAlias = "NDArray[np.uint8]"
#: Rows of several fields: their dtype is in the docstring.
Records: TypeAlias = "NDArray[np.void]"
#: Two slots in one number each: the first << 32 | the second.
SlotPairs: TypeAlias = "NDArray[np.int64]"
#: A value that links accounts: LinkKind and keyed fingerprint.
Indicator: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster as scored now; ``members`` in ascending order; times in epoch seconds."""

    campaign_id: str
    founded: float
    since: float  # first use of one of its indicators by a member
    last: float  # last use
    score: float
    evidence: list[Evidence]
    members: list[str]
    memberships: Records  # how sure each member is, MEMBERSHIP; degree 0: no evidence now
    reports: Records  # traffic of each member, REPORT
    kinds: list[LinkKind]  # of its indicators
    payments: int  # payments that pay for several members
    shared: list[Shared]  # what members have in common; empty below the clear score
    absorbed: list[str]  # ids of the clusters that were merged into this one


class IndicatorLookup(Protocol):
    """Reads the links that are known now: the detector's, or a test's own."""

    def indicators_of(self, campaign_id: str) -> set[Indicator]:
        """Return the indicators of a cluster; empty for an unknown one."""

    def accounts_using(self, indicators: Iterable[Indicator]) -> dict[Indicator, set[str]]:
        """Return the accounts that use each of some indicators; unknown indicators are absent."""

    def under_previous(self, indicators: Collection[Indicator]) -> set[Indicator]:
        """Return indicators, those that were renamed under their previous fingerprint."""
