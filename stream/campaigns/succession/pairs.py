"""Predecessor and successor: a new account of the same mix begins within the hour.

Each account takes over from one at most. How many do by chance is in chance.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from stream.campaigns.succession.profiles import Profiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.batch import Counts, Floats, Mask, Positions, Seconds
    from stream.core.findings import Turnover

#: Who takes over begins this long after the other has stopped at most, and hardly before its last
#: request (assumed: banned accounts are replaced within the hour).
WITHIN_S: Final = 3600.0
BEFORE_S: Final = 120.0
#: An account may have stopped this number of its usual pauses after its last request, or begun as
#: long before its first; at most hours (assumed: one pause in seven is longer by chance).
_PAUSES: Final = 2.0
_LONGEST_PAUSE_S: Final = 2 * 3600.0
#: Accounts that live shorter are jobs with a key of their own (assumed).
_LEAST_LIFE_S: Final = 6 * 3600.0
#: Of those that fell silent in that time the latest are compared (assumed).
_MOST_COMPARED: Final = 64


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of n known accounts, given by position: predecessor and successor, ``(p,)`` each."""

    silent_since: Seconds  # (n,), NaN while an account is active
    began: Seconds  # (n,), first request
    profiles: Profiles
    predecessor: Positions
    successor: Positions
    #: How long each may have lasted after its last request, or before its first, ``(n,)``.
    margin_s: Seconds
    #: Accounts that fell silent, and all that are new, in any order.
    stopped: Positions
    new: Positions
    #: Probability that an account of the mix of each new one had fallen silent by chance.
    chance: Floats

    @classmethod
    def find(cls, rows: Sequence[Turnover], is_new: Mask, sample: Sequence[Turnover]) -> Self:
        """Find pairs among ``rows``; ``is_new`` (n,) are those that may be successors."""
        silent = [np.nan if row.silent_since is None else row.silent_since for row in rows]
        silent_since = np.array(silent, np.float64)
        began = np.array([row.first_seen for row in rows], np.float64)
        profiles = Profiles.of(rows)
        stopped = np.flatnonzero(silent_since - began >= _LEAST_LIFE_S)
        stopped = stopped[np.argsort(silent_since[stopped], kind="stable")]
        margin = np.minimum(_PAUSES * 3600 / np.maximum(profiles.per_hour, 1), _LONGEST_PAUSE_S)
        new = np.flatnonzero(is_new)
        before, after, count = _near(silent_since, stopped, began, new, margin)
        chance = np.zeros(len(new))
        some = count > 0
        alike = _share_alike(profiles, new[some], Profiles.of(sample))
        chance[some] = 1 - (1 - alike) ** count[some]
        fits = _different_owners(rows, before, after) & profiles.alike(before, after)
        predecessor, successor = _matched(before[fits], after[fits], len(rows))
        return cls(
            silent_since=silent_since,
            began=began,
            profiles=profiles,
            predecessor=predecessor,
            successor=successor,
            margin_s=margin,
            stopped=stopped,
            new=new,
            chance=chance,
        )

    @property
    def interruption_s(self) -> Seconds:
        """Return the time between the last request of one and the first of the other, ``(p,)``."""
        return np.asarray(self.began[self.successor] - self.silent_since[self.predecessor])


def _near(
    silent_since: Seconds, stopped: Positions, began: Seconds, new: Positions, margin: Seconds
) -> tuple[Positions, Positions, Counts]:
    """Return who stopped within the hour before each new account began, as pairs of positions.

    And for each of ``new`` how many did, ``(new,)``.
    ``stopped`` is in the order in which they fell silent.
    """
    ends = silent_since[stopped]
    high = np.searchsorted(ends, began[new] + BEFORE_S, side="right")
    low = np.searchsorted(ends, began[new] - WITHIN_S - margin[new] - _LONGEST_PAUSE_S)
    low = np.maximum(low, high - _MOST_COMPARED)
    which = np.repeat(np.arange(len(new)), high - low)
    offset = np.arange(len(which)) - np.repeat(np.cumsum(high - low) - (high - low), high - low)
    before, after = stopped[low[which] + offset], new[which]
    gap = began[after] - silent_since[before]
    near = (gap <= WITHIN_S + margin[after] + margin[before]) & (before != after)
    count = np.bincount(which[near], minlength=len(new))
    return before[near], after[near], count


def _share_alike(profiles: Profiles, some: Positions, sample: Profiles) -> Floats:
    """Return which share of a sample has the mix of each of ``some``, ``(n,)``.

    Two are counted in addition, one of them alike, so that few accounts prove little.
    """
    size = len(sample.noise)
    alike = profiles.all_alike(some, np.arange(size), sample).sum(axis=1)
    return np.asarray((alike + 1) / (size + 2))


def _different_owners(rows: Sequence[Turnover], some: Positions, others: Positions) -> Mask:
    organization = np.array([row.organization for row in rows], np.uint64)
    one, other = organization[some], organization[others]
    return np.asarray((one != other) | (one == 0))


def _matched(before: Positions, after: Positions, count: int) -> tuple[Positions, Positions]:
    """Return as many pairs as there can be with each account once on each side."""
    graph = coo_array((np.ones(len(before), np.int8), (after, before)), (count, count)).tocsr()
    found = maximum_bipartite_matching(graph, perm_type="column")
    successor = np.flatnonzero(found >= 0)
    return np.asarray(found[successor], np.int64), successor
