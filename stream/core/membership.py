"""How sure it is that an account belongs to a campaign, and why, as a row.

The cluster detector writes rows, incidents keep them, alerts show them in words.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

if TYPE_CHECKING:
    from stream.core.batch import Array, Mask

DegreeName = Literal["certain", "likely", "peripheral"]


class Degree(IntEnum):
    """The numbers are stored; a higher one is surer."""

    UNKNOWN = 0  # nothing is known of it now: what was found before stays
    PERIPHERAL = 1
    LIKELY = 2
    CERTAIN = 3


class Behaviour(IntFlag):
    """How an account acts beside the certain members; the bits are stored."""

    NEW = 1  # it is as new as they are, and others are not
    PACE = 2  # it is about as busy as they are, and others are not
    OWNER = 4  # its owner's other accounts are certain, too
    UNLIKE = 8  # it acts as others do, not as they do
    REPEATED = 16  # they repeat its requests


#: An account in a cluster: its degree; bit ``1 << kind`` for each LinkKind by which it is tied to
#: certain members; a bit for each Behaviour.
MEMBERSHIP: Final = np.dtype([("degree", "u1"), ("kinds", "<u4"), ("behaviour", "u1")])

ROW_BYTES: Final = MEMBERSHIP.itemsize


def accused(rows: Array) -> Mask:
    """Return which rows of :data:`MEMBERSHIP` are certain or likely, shape ``(n,)``."""
    return np.asarray(rows["degree"] >= Degree.LIKELY)
