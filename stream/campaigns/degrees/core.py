"""The dense cores of a cluster: where certain members are looked for first.

Accounts are tied to each other by what they share. Those that are tied much less than the average
of those left are removed again and again, which makes what is left denser each time (Charikar,
"Greedy approximation algorithms for finding dense components", APPROX 2000, removing many at once
as Bahmani, Kumar and Vassilvitskii, VLDB 2012). Rare values weigh more, so that camouflage is
expensive (FRAUDAR, Hooi et al., KDD 2016). What is left out may have a core of its own, of a
campaign with less traffic: it counts if its accounts are tied to each other as well as to the rest.
Accounts whose values the members only repeat are tied to members and not to each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.degrees.ties import DIGITS

if TYPE_CHECKING:
    from stream.campaigns.degrees.ties import Ties
    from stream.core.batch import Floats, Mask

#: Accounts that are tied this much less than the average go (assumed: less than the half that
#: makes what is left denser, because members of a campaign differ in traffic).
_LEAST: Final = 1 / 3
#: Part of an account's ties in the whole cluster that it has in its core (measured with nine
#: campaigns at once, without the heavier ones, medians: benign accounts 0.12, a light campaign
#: 0.29).
_OWN: Final = 1 / 5
#: Rounds, each of which removes an account at least (assumed: it ends after a few).
_MOST_ROUNDS: Final = 32
#: Cores of one cluster (assumed).
_MOST_CORES: Final = 8
#: Accounts in a core (assumed).
_FEWEST: Final = 4


def dense_cores(ties: Ties) -> Mask:
    """Return which accounts are in a core, shape ``(n,)``; all where nothing ties any."""
    left = np.ones(ties.accounts, bool)
    in_all = ties.strength(ties.common(left), ~ties.is_owned)
    for _ in range(_MOST_CORES):
        core = _densest(ties, left, in_all)
        if np.count_nonzero(core) < _FEWEST:
            break
        left &= ~core
    return ~left


def _densest(ties: Ties, among: Mask, in_all: Floats) -> Mask:
    """Return the densest core of some accounts; none where they are tied to others only.

    ``in_all`` is how strongly each account is tied in the whole cluster.
    """
    which = ~ties.is_owned
    core = among
    for _ in range(_MOST_ROUNDS):
        if not core.any():
            break
        strength = ties.strength(ties.common(core), which)
        least = np.maximum(np.round(_LEAST * strength[core].mean(), DIGITS), _OWN * in_all)
        kept = core & (strength >= np.round(least, DIGITS))
        if np.count_nonzero(kept) == np.count_nonzero(core):
            break
        core = kept
    return core
