"""How novel a group of accounts is, beside the harmless groups seen here before.

Compares the features of groups on fixed scales (accounts/detection/group_novelty_model.py).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.detection.group_novelty_model import GroupNoveltyModel
from stream.campaigns.clusters.stored_rows import StoredRows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.campaigns.scoring.features import ClusterFeatures
    from stream.core.batch import AccountSlots, Floats

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
#: The ends of the scales of numbers of accounts and of -ln p (assumed: more is all the same).
_MOST_ACCOUNTS: Final = 10_000
_MOST_SURPRISE: Final = 10.0


def _compared(cluster: ClusterFeatures) -> Floats:
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
    """Learns what harmless groups look like here, and scores how unlike them a group is."""

    def __init__(self) -> None:
        """Start with nothing learnt."""
        self._groups = GroupNoveltyModel(_COMPARED)
        self._harmless: list[tuple[AccountSlots, Floats]] = []
        self._rows = StoredRows(b"u")
        self._learnt = False

    def novelty(self, cluster: ClusterFeatures) -> float:
        """Return how novel a group is, -log10 p; NaN until enough groups have been learnt."""
        return float(self._groups.surprisal(_compared(cluster)[None])[0])

    def due(self, time: float) -> bool:
        """Return whether it is time to learn again: once an hour."""
        return self._groups.due(time)

    def note(self, members: AccountSlots, cluster: ClusterFeatures) -> None:
        """Remember a harmless group of accounts until :meth:`learn`."""
        self._harmless.append((members, _compared(cluster)))

    def learn(self, time: float, suspects: AccountSlots) -> None:
        """Learn from the groups noted, but from none that is half made of suspects.

        Equal groups, as by many indicators of the same accounts, count once. They are learnt in an
        order that a restart does not change.
        """
        harmless, self._harmless = self._harmless, []
        different = {
            bytes(numbers): numbers
            for members, numbers in harmless
            if 2 * np.count_nonzero(np.isin(members, suspects)) < len(members)
        }
        if different:
            rows = [different[key] for key in sorted(different)]
            order = np.random.default_rng(int(time)).permutation(len(rows))
            self._groups.learn(time, np.array(rows)[order])
            self._learnt = True

    # -- durable rows -------------------------------------------------------------------------

    @property
    def layout(self) -> dict[str, str]:
        """Return what has to agree for a stored model to mean the same."""
        return self._groups.layout

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return the model when it learnt since the last call."""
        if not self._learnt:
            return []
        self._learnt = False
        return self._rows.changes({b"": self._groups.state()})

    def load(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take over stored rows in the order they were written; then :meth:`loaded`."""
        self._rows.load(rows)

    def loaded(self) -> None:
        """Continue with the stored model.

        Raises StateError when it is damaged, ModelError when it is another one.
        """
        for row in self._rows.values():
            self._groups.restore(row)
