"""In turn: where there is not room for all, everybody's first comes before anybody's second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from stream.core.batch import Array


def places(owner: Array) -> Array:
    """Return each row's place, from 0, among the rows of its owner, shape ``(n,)``, i8.

    Rows come in the order of preference.
    """
    order = np.argsort(owner, kind="stable")
    ordered = owner[order]
    first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(order)])
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order)) - np.repeat(first, np.diff(first, append=len(order)))
    return place
