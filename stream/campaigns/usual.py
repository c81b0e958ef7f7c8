"""A cluster's features on fixed scales, as the model of usual groups compares them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from stream.campaigns.features import ClusterFeatures
    from stream.types.batch import Array

COMPARED: Final = (
    "accompanied",
    "acquaintances",
    "cards",
    "dispersion",
    "idle_free",
    "intimates",
    "members",
    "neighbours",
    "partners",
    "start_share",
    "strangers",
    "turned",
    "young",
)
#: As many accounts are the end of the scale.
_MOST_ACCOUNTS: Final = 10_000
_MOST_SURPRISE: Final = 10.0


def compared(cluster: ClusterFeatures) -> Array:
    """Return :data:`COMPARED`, shape ``(F,)``, each 0..1 or NaN."""
    accounts = {
        name: math.log1p(getattr(cluster, name)) / math.log1p(_MOST_ACCOUNTS)
        for name in (
            "members", "partners", "intimates", "neighbours", "acquaintances", "strangers",
        )
    }  # fmt: skip
    values = accounts | {
        "accompanied": cluster.accompanied,
        "cards": cluster.cards / cluster.owners,
        "dispersion": cluster.dispersion,
        "idle_free": cluster.idle_free,
        "start_share": cluster.start_share,
        "turned": cluster.turned.surprise / _MOST_SURPRISE,
        "young": float(cluster.young.mean()) if len(cluster.young) else math.nan,
    }
    return np.clip([values[name] for name in COMPARED], 0.0, 1.0)
