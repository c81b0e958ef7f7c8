"""Whether accounts of a group have more hits in a data set than others have of equal volume.

The test is exact and needs no model of chance hits. It assumes that, if the data set has nothing to
do with the group, the rates of chance hits of all accounts come from one distribution, whichever it
is, and that accounts are independent (a hash counts for one account only). Chance hits may cluster
within accounts, and few accounts may have nearly all of them.

Of each account a random sample of ``n`` of its stored hashes is compared, drawn as the number of
hits in it (a hypergeometric number). A control with fewer is compared as one of a pool of ``m``, of
``n / m`` hashes each, whose number is ``m`` times the most hits that one of them has. A pool is at
least as likely as a single account of its volume to have ``t``: where an account has ``t`` hits
among ``n``, one of ``m`` parts of it has ``t / m`` (pigeonhole), and that one of ``m`` parts with
one common rate has as many is at most as likely as that one of ``m`` independent ones has (Jensen).

So among accounts and pools with at least ``t`` hits the group has at most a hypergeometric number
(Fisher, 1935), if it has nothing in the data set. Several ``n`` are tried, chosen from the volumes
alone, and several ``t``; p is the least times their number (Bonferroni). Those whose least possible
p, which depends on pooled numbers only, is far above the best one's are not tried and cost nothing
(Tarone, Biometrics 1990). With one member p is 1/N at least.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from scipy.special import gammaln
from scipy.stats import hypergeom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.core.batch import Counts, Mask

#: The volumes tried: powers of two below these shares of the members' volumes.
_SHARES: Final = (0.1, 0.5, 0.9)
#: Controls of a pool at most.
_MOST_POOLED: Final = 1024
#: A test is tried when its least possible p is at most this, or within ten times the best one's.
_STRONG: Final = 1e-9
_NEAR: Final = 10.0
_LEAST_P: Final = 1e-300


class Exposure(NamedTuple):
    """Accounts: stored hashes of each, and how many of them are hits; both (n,), i8."""

    volume: Counts
    hits: Counts


class GroupTest(NamedTuple):
    """``p``, the least that it could have been, and how many controls or pools were compared."""

    p: float
    possible: float
    controls: int


class _Table(NamedTuple):
    """Of ``total`` accounts ``hit`` have hits enough, and so do ``both`` of the ``members``."""

    total: int
    members: int
    hit: int
    both: int

    @property
    def possible(self) -> float:
        """Return the least p that these margins allow."""
        most = min(self.hit, self.members)
        log = (
            _log_choose(self.hit, most)
            + _log_choose(self.total - self.hit, self.members - most)
            - _log_choose(self.total, self.members)
        )
        return float(np.exp(log))

    @property
    def p(self) -> float:
        """Return the probability of at least ``both`` if every choice of members is as likely."""
        return float(hypergeom.sf(self.both - 1, self.total, self.hit, self.members))


def compare(members: Exposure, controls: Exposure, seed: int) -> GroupTest:
    """Return the test of members against controls; the same seed gives the same samples."""
    random = np.random.default_rng(seed)
    tables: list[_Table] = []
    compared = 0
    for volume in _volumes(members.volume):
        own = _sampled(members, members.volume >= volume, volume, random)
        other = np.concatenate([*_pools(controls, volume, random)])
        compared = max(compared, len(other))
        if len(other):
            tables += _tables(own, other)
    if not tables:
        return GroupTest(1.0, 1.0, compared)
    best = min(table.possible for table in tables)
    limit = max(_NEAR * best, _STRONG)
    tried = [table for table in tables if table.possible <= limit]
    p = min(1.0, len(tried) * min(table.p for table in tried))
    return GroupTest(max(p, _LEAST_P), min(1.0, len(tried) * best), compared)


def _volumes(volume: Counts) -> list[int]:
    some = volume[volume > 0]
    if not len(some):
        return []
    found = np.quantile(some, _SHARES, method="lower")
    return sorted({2 ** (int(one).bit_length() - 1) for one in found})


def _pools(controls: Exposure, volume: int, random: np.random.Generator) -> Iterator[Counts]:
    """Yield the numbers of hits of controls and of pools, each of ``volume`` hashes."""
    yield _sampled(controls, controls.volume >= volume, volume, random)
    pooled = 2
    while pooled <= min(volume, _MOST_POOLED):
        part = volume // pooled
        light = (controls.volume >= part) & (controls.volume < 2 * part)
        hits = random.permutation(_sampled(controls, light, part, random))
        hits = hits[: len(hits) // pooled * pooled]
        yield pooled * hits.reshape(-1, pooled).max(axis=1)
        pooled *= 2


def _sampled(accounts: Exposure, which: Mask, volume: int, random: np.random.Generator) -> Counts:
    """Return the hits in a sample of ``volume`` hashes of each of some accounts."""
    total = accounts.volume[which]
    hits = np.minimum(accounts.hits[which], total)
    return random.hypergeometric(hits, total - hits, volume)


def _tables(own: Counts, other: Counts) -> list[_Table]:
    """Return a table for each number of hits, doubled, that an account still has."""
    found, least = [], 1
    most = max(int(own.max()), int(other.max()))
    while least <= most:
        both = int(np.count_nonzero(own >= least))
        hit = both + int(np.count_nonzero(other >= least))
        found.append(_Table(len(own) + len(other), len(own), hit, both))
        least *= 2
    return found


def _log_choose(n: int, k: int) -> float:
    return float(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))
