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
    graph = coo_array((np.ones(len(left), np.int8), (left, right)), shape=(size, size))
    _, label = connected_components(graph, directed=False)
    least = np.full(size, size)
    np.minimum.at(least, label, np.arange(size))
    return np.asarray(least[label])


def components(left: Slots, right: Slots, size: int) -> list[Slots]:
    """Return the components of two nodes or more, by their least node; nodes are ascending."""
    component = component_of(left, right, size)
    joined = ascending(np.concatenate([left, right]))
    joined = joined[np.argsort(component[joined], kind="stable")]
    if not len(joined):
        return []
    return np.split(joined, np.flatnonzero(np.diff(component[joined])) + 1)
