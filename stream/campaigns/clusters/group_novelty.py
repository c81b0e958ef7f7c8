"""What groups are usually like here: the harmless ones of each judging teach it.

A group's features are compared on fixed scales (detection/groups.py has the model).
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.detection.groups import UsualGroups
from stream.core.errors import ModelError

if TYPE_CHECKING:
    from stream.campaigns.scoring.features import ClusterFeatures
    from stream.core.batch import Array

_COMPARED: Final = (
    "colocation_rate",
    "phrase_cooccurrence",
    "shared_payments",
    "dispersion",
    "idle_free",
    "phrase_cooccurrence_repeated",
    "members",
    "address_cooccurrence",
    "prompt_cooccurrence",
    "start_share",
    "weak_ties",
    "change_point",
    "young",
)
#: As many accounts are the end of the scale.
_MOST_ACCOUNTS: Final = 10_000
_MOST_SURPRISE: Final = 10.0


def _compared(cluster: ClusterFeatures) -> Array:
    """Return :data:`_COMPARED`, shape ``(F,)``, each 0..1 or NaN."""
    accounts = {
        name: math.log1p(getattr(cluster, name)) / math.log1p(_MOST_ACCOUNTS)
        for name in (
            "members", "prompt_cooccurrence", "phrase_cooccurrence_repeated",
            "address_cooccurrence", "phrase_cooccurrence", "weak_ties",
        )
    }  # fmt: skip
    values = accounts | {
        "colocation_rate": cluster.colocation_rate,
        "shared_payments": cluster.shared_payments / cluster.owners,
        "dispersion": cluster.dispersion,
        "idle_free": cluster.idle_free,
        "start_share": cluster.start_share,
        "change_point": cluster.change_point.log_p / _MOST_SURPRISE,
        "young": float(cluster.young.mean()) if len(cluster.young) else math.nan,
    }
    return np.clip([values[name] for name in _COMPARED], 0.0, 1.0)


class GroupNovelty:
    """Learns what usual groups look like, and says how unlike them a group is."""

    def __init__(self) -> None:
        """Start with nothing learnt."""
        self._groups = UsualGroups(_COMPARED)
        self._harmless: list[tuple[Array, Array]] = []

    def unlike(self, cluster: ClusterFeatures) -> float:
        """Return how unlike the usual groups one is, in decades; NaN while too few were seen."""
        return float(self._groups.surprise(_compared(cluster)[None])[0])

    def due(self, time: float) -> bool:
        """Say whether it is time to learn again: once an hour."""
        return self._groups.due(time)

    def note(self, members: Array, cluster: ClusterFeatures) -> None:
        """Remember a harmless group of accounts (slots) until :meth:`learn`."""
        self._harmless.append((members, _compared(cluster)))

    def learn(self, time: float, told: Array) -> None:
        """Learn from the groups noted.

        Parts of what is told (slots) teach nothing; equal groups, as by many values of the same
        accounts, count once. They are taken in an order that a restart does not change.
        """
        harmless, self._harmless = self._harmless, []
        different = {
            bytes(numbers): numbers
            for members, numbers in harmless
            if 2 * np.count_nonzero(np.isin(members, told)) < len(members)
        }
        if different:
            rows = [different[key] for key in sorted(different)]
            order = np.random.default_rng(int(time)).permutation(len(rows))
            self._groups.learn(time, np.array(rows)[order])

    def state(self) -> bytes:
        """Return what was learnt, empty when that is nothing."""
        return self._groups.state()

    def restore(self, state: bytes) -> None:
        """Go on with what was usual; learn anew, within hours, what was of another model.

        Raises StateError when it is damaged.
        """
        with suppress(ModelError):
            self._groups.restore(state)
