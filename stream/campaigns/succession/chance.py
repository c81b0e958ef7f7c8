"""How many new accounts of one mix would take over by chance.

There are two kinds of chance, and the daily rhythm is part of both:

* Mixes are dealt at random: of all that fell silent in the hour before, one has the mix of the new
  account. In the evening many fall silent, and the users of one product are alike.
* Times are at random: as many of the mix begin within the hour after a silence of the mix as of
  all other new accounts. A wave of silence covers one hour, however many accounts it has.

Either would have to explain what is seen, so the less likely one counts. As an account takes over
from one at most, a crowd that begins together after a single silence is one succession.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.succession.pairs import BEFORE_S, WITHIN_S

if TYPE_CHECKING:
    from stream.campaigns.succession.pairs import Pairs
    from stream.core.batch import Mask, Positions, Seconds

#: With fewer other new accounts than this the share of time counts more (assumed).
_FEW: Final = 4.0
#: Both kinds are tried.
_TRIED: Final = math.log(2)


@dataclass(frozen=True, slots=True)
class Chance:
    """New accounts of a mix, and for each the probability of taking over by chance."""

    new: int = 0
    share: float = 1.0

    def log_p(self, count: int) -> float:
        """Return -ln p of such a count, at least 0 (Chernoff's bound of a binomial)."""
        seen = min(count / self.new, 1.0) if self.new else 0.0
        if seen <= self.share:
            return 0.0
        missed = (1 - seen) * math.log((1 - seen) / (1 - self.share)) if seen < 1 else 0.0
        return max(self.new * (seen * math.log(seen / self.share) + missed) - _TRIED, 0.0)


def chance_of(pairs: Pairs, centres: Positions, *, watched_s: float, among: Mask) -> Chance:
    """Return the chance of pairs with the mixes of ``centres``; only silences of ``among`` count.

    ``among`` is ``(n,)``. New accounts were watched for ``watched_s``.
    """
    new = _alike(pairs, pairs.new, pairs.successor[centres])
    silent = _alike(pairs, pairs.stopped[among[pairs.stopped]], pairs.successor[centres])
    # Only after one of the mix has fallen silent can another take over.
    first = pairs.silent_since[silent].min(initial=np.inf) - BEFORE_S
    new = new[pairs.began[new] >= first]
    mixes = float(pairs.chance[np.isin(pairs.new, new)].sum()) / max(len(new), 1)
    others = np.setdiff1d(pairs.new, new)
    usual = float(np.median(pairs.margin_s[new])) if len(new) else 0.0
    begin, end = _covered(pairs.silent_since[silent], pairs.margin_s[silent] + usual)
    inside = np.count_nonzero(_inside(pairs.began[others], begin, end))
    share = min(float((end - begin).sum()) / max(watched_s, 1.0), 1.0)
    times = max(share, (inside + _FEW * share) / (len(others) + _FEW))
    share = float(min(max(min(mixes, times), 1e-6), 1.0))
    return Chance(len(new), share)


def _alike(pairs: Pairs, some: Positions, group: Positions) -> Positions:
    """Return those of ``some`` that have the mix of an account of the group."""
    return np.asarray(some[pairs.profiles.all_alike(some, group).any(axis=1)])


def _covered(silent_since: Seconds, margin: Seconds) -> tuple[Seconds, Seconds]:
    """Return the spans of time in which an account would take over, apart from each other."""
    order = np.argsort(silent_since, kind="stable")
    begin = silent_since[order] - BEFORE_S
    end = np.maximum.accumulate((silent_since + margin)[order] + WITHIN_S)
    apart = np.flatnonzero(begin[1:] > end[:-1])
    if not len(begin):
        return begin, end
    return begin[np.append(0, apart + 1)], end[np.append(apart, len(end) - 1)]


def _inside(times: Seconds, begin: Seconds, end: Seconds) -> Mask:
    if not len(begin):
        return np.zeros(len(times), bool)
    place = np.searchsorted(begin, times, side="right") - 1
    return np.asarray((place >= 0) & (times <= end[np.maximum(place, 0)]))
