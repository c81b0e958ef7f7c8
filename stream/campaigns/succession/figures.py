"""How surely accounts of a cluster took over from each other: counts, and what chance gives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.succession.chance import Chance
from stream.store.order import ascending

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.campaigns.succession.lineages import Lineage
    from stream.campaigns.types import OwnerNumbers
    from stream.core.batch import AccountSlots, Floats, Mask, Positions, Seconds

#: Silences further apart than this are different occasions (assumed).
_OCCASION_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class SuccessionSize:
    """How many took over, how many by chance, and what kind of succession it is."""

    count: int = 0
    expected: float = 0.0
    log_p: float = 0.0  # -ln p of such a count
    occasions: int = 0
    interruption: float = math.nan  # median, in requests or two minutes each
    confirmed: int = 0  # of them from accounts that a person has confirmed
    confirmed_log_p: float = 0.0


@dataclass(frozen=True, slots=True)
class SuccessionFigures:
    """Pairs in lineages, ``(p,)`` each; accounts are slots of the graph."""

    predecessor: AccountSlots
    successor: AccountSlots
    silent_since: Seconds
    interruption: Floats
    confirmed: Mask  # a person has confirmed the predecessor
    lineage: Positions
    lineages: Sequence[Lineage]
    searched: int  # groups of pairs that might have been lineages

    @classmethod
    def none(cls) -> SuccessionFigures:
        """Return the figures of no pairs."""
        slots, floats = np.zeros(0, np.int64), np.zeros(0)
        return cls(slots, slots, floats, floats, np.zeros(0, bool), slots, (), 1)

    def among(self, accounts: AccountSlots, owner: OwnerNumbers) -> SuccessionSize:
        """Return the succession among accounts; an owner is no successor of itself.

        ``owner`` is that of each account slot.
        """
        one, other = owner[self.predecessor], owner[self.successor]
        inside = np.isin(self.predecessor, accounts) & np.isin(self.successor, accounts)
        at = np.flatnonzero(inside & (one != other))
        if not len(at):
            return SuccessionSize()
        count = _distinct(one[at], other[at])
        of_confirmed = at[self.confirmed[at]]
        confirmed = _distinct(one[of_confirmed], other[of_confirmed])
        found = [self.lineages[i] for i in ascending(self.lineage[at]).tolist()]
        chance = _united([one.chance for one in found])
        of_confirmed_by_chance = _united([one.of_confirmed for one in found])
        ends = np.sort(self.silent_since[at])
        return SuccessionSize(
            count=count,
            expected=chance.new * chance.share,
            log_p=max(chance.log_p(count) - math.log(max(self.searched, 1)), 0.0),
            occasions=1 + int(np.count_nonzero(np.diff(ends) > _OCCASION_S)),
            interruption=float(np.median(self.interruption[at])),
            confirmed=confirmed,
            confirmed_log_p=of_confirmed_by_chance.log_p(confirmed),
        )


def _distinct(some: OwnerNumbers, others: OwnerNumbers) -> int:
    return min(len(ascending(some)), len(ascending(others)))


def _united(chances: Sequence[Chance]) -> Chance:
    new = sum(one.new for one in chances)
    share = sum(one.new * one.share for one in chances) / max(new, 1)
    return Chance(new, share)
