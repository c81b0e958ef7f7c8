"""The densest core of a cluster: where certain members are looked for first.

Accounts are tied to each other by what they share. Those that are tied much less than the average
of those left are removed again and again, which makes what is left denser each time (Charikar,
"Greedy approximation algorithms for finding dense components", APPROX 2000, removing many at once
as Bahmani, Kumar and Vassilvitskii, VLDB 2012). Rare values weigh more, so that camouflage is
expensive (FRAUDAR, Hooi et al., KDD 2016). Accounts whose values the core only repeats are tied to
it and not to each other: they go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.degrees.ties import DIGITS, OWNED

if TYPE_CHECKING:
    from stream.campaigns.degrees.ties import Ties
    from stream.core.batch import Mask

#: Accounts that are tied this much less than the average go (assumed: less than the half that
#: makes what is left denser, because members of a campaign differ in traffic).
_LEAST: Final = 1 / 3
#: Rounds, each of which removes an account at least (assumed: it ends after a few).
_MOST_ROUNDS: Final = 32
#: Accounts in a core (assumed).
_FEWEST: Final = 4


def densest(ties: Ties) -> Mask:
    """Return which accounts are in the core, shape ``(n,)``; all where nothing ties any."""
    core = np.ones(ties.accounts, bool)
    which = ~np.isin(ties.kind, OWNED)
    for _ in range(_MOST_ROUNDS):
        strength = ties.strength(ties.common(core), which)
        kept = core & (strength >= np.round(_LEAST * strength[core].mean(), DIGITS))
        if np.count_nonzero(kept) in {np.count_nonzero(core), *range(_FEWEST)}:
            break
        core = kept
    return core
