"""Connected components of a graph that is given as pairs of nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from stream.store.order import ascending

if TYPE_CHECKING:
    from stream.core.batch import Slots


def component_of(left: Slots, right: Slots, size: int) -> Slots:
    """Return the least node that pairs connect each of ``size`` nodes with, shape ``(size,)``.

    ``left`` and ``right`` have the nodes of each pair, below ``size``, shape ``(pairs,)``.
    """
    if not len(left):
        return np.arange(size)
    graph = coo_array((np.ones(len(left), np.int8), (left, right)), shape=(size, size))
    _, label = connected_components(graph, directed=False)
    least = np.full(size, size)
    np.minimum.at(least, label, np.arange(size))
    return np.asarray(least[label])


def components(left: Slots, right: Slots, size: int) -> list[Slots]:
    """Return the components of two nodes or more, by their least node; nodes are ascending."""
    if not len(left):
        return []
    joined = ascending(np.concatenate([left, right]))
    place = np.zeros(size, np.int64)
    place[joined] = np.arange(len(joined))
    component = np.zeros(size, np.int64)
    component[joined] = component_of(place[left], place[right], len(joined))
    joined = joined[np.argsort(component[joined], kind="stable")]
    return np.split(joined, np.flatnonzero(np.diff(component[joined])) + 1)
