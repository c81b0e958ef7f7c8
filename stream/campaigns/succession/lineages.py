"""Pairs that belong together: of one mix, or in one wave of silence.

A lineage of few pairs is how a customer changes a key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.graph.components import component_of
from stream.campaigns.succession.chance import Chance, chance_of
from stream.store.order import ascending

if TYPE_CHECKING:
    from stream.campaigns.succession.pairs import Pairs
    from stream.core.batch import Floats, Mask, Positions

#: Pairs that are arranged at once, the latest (assumed; deploy/bounds.md).
MOST_PAIRS: Final = 512
#: Fewer pairs are no lineage (assumed).
_LEAST: Final = 3
#: Accounts that are suspended together fall silent within this of one another; a wave has several
#: pairs, and many times as many as there are at other times (all assumed).
_WAVE_S: Final = 600.0
_LEAST_WAVE: Final = 4
_WAVE_RATIO: Final = 4.0


@dataclass(frozen=True, slots=True)
class Lineage:
    """Pairs by position, ``(k,)``, the earliest first, and how many there are by chance."""

    pairs: Positions
    chance: Chance
    of_confirmed: Chance  # if only confirmed accounts fell silent


def lineages(
    pairs: Pairs, chosen: Positions, *, watched_s: float, confirmed: Mask
) -> tuple[list[Lineage], int]:
    """Return the lineages among ``chosen`` pairs, and of how many groups these are those.

    New accounts were watched for ``watched_s``. ``confirmed`` (n,) are the accounts that a person
    has confirmed.
    """
    ends = pairs.silent_since[pairs.predecessor[chosen]]
    chosen = chosen[np.lexsort((chosen, ends))]
    centre = _centres(pairs, chosen)
    left, right = _waves(pairs, chosen, watched_s)
    every = np.arange(len(chosen))
    label = component_of(np.append(left, centre), np.append(right, every), len(chosen))
    sizes = np.bincount(label, minlength=len(chosen))
    groups = [np.flatnonzero(label == one) for one in np.flatnonzero(sizes >= _LEAST).tolist()]
    some = np.ones(len(confirmed), bool)

    def lineage(group: Positions) -> Lineage:
        centres = chosen[ascending(centre[group])]
        chances = (
            chance_of(pairs, centres, watched_s=watched_s, among=among)
            for among in (some, confirmed)
        )
        return Lineage(chosen[group], *chances)

    found = [lineage(group) for group in groups]
    return found, int(np.count_nonzero(sizes))


def _centres(pairs: Pairs, chosen: Positions) -> Positions:
    """Return for each pair the one with whose successor it is compared, ``(chosen,)``.

    The pair whose mix most of the others have comes first, then that of most of the rest: in a
    chain of mixes, each like the next, the ends would have nothing in common.
    """
    successors = pairs.successor[chosen]
    alike = pairs.profiles.all_alike(successors, successors)
    centre = np.arange(len(chosen))
    left = np.ones(len(chosen), bool)
    while left.any():
        size = (alike & left).sum(axis=1) * left
        first = int(np.argmax(size))
        mine = alike[first] & left
        mine[first] = True
        centre[mine] = first
        left &= ~mine
    return centre


def _waves(pairs: Pairs, chosen: Positions, watched_s: float) -> tuple[Positions, Positions]:
    """Return which pairs, ordered by their silence, follow each other in one wave."""
    ends: Floats = pairs.silent_since[pairs.predecessor[chosen]]
    near = np.searchsorted(ends, ends + _WAVE_S, side="right") - np.searchsorted(
        ends, ends - _WAVE_S
    )
    usual = len(ends) * 2 * _WAVE_S / max(watched_s, 2 * _WAVE_S)
    dense = near >= max(_LEAST_WAVE, _WAVE_RATIO * usual)
    follows = np.flatnonzero((np.diff(ends) <= _WAVE_S) & dense[1:] & dense[:-1])
    return follows, follows + 1
