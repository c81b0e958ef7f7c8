"""Follows each account's own past, and describes accounts to the account detector.

It knows the accounts of one task and nothing of the others, so what is rare among accounts is not
decided here (detector.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.detection.account_states import AccountState
from stream.accounts.detection.baseline import TRACKED, OwnBaseline
from stream.accounts.detection.change_points import ChangePoints
from stream.accounts.detection.evidence import MOST_HART, new_content_alone
from stream.accounts.detection.exclusion import Exclusion
from stream.accounts.detection.observations import OBSERVED, Observations
from stream.accounts.features.table import COLUMN, FEATURES, scaled
from stream.store.columns import Field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.accounts.detection.settings import DetectionSettings
    from stream.core.batch import AccountSlots, Array, Floats, Mask
    from stream.store.account_table import AccountTable


class AccountObserver:
    """The accounts of one task; deterministic given the order of calls."""

    FIELDS: Final = (
        Field("next_observed", np.dtype("<f8")),  # epoch seconds
        Field("account_state", np.dtype("u1"), initial=AccountState.WARMING_UP),
        *Exclusion.FIELDS,
        *OwnBaseline.FIELDS,
        *ChangePoints.FIELDS,
    )

    def __init__(self, settings: DetectionSettings, table: AccountTable) -> None:
        """Work on ``table``, which must have :attr:`FIELDS` and those of the windows."""
        self.change_points: Final = ChangePoints(table)
        self.exclusion: Final = Exclusion(table)
        self._settings = settings
        self._table = table
        self._own = OwnBaseline(settings, table)

    @property
    def layout(self) -> dict[str, str]:
        """Return everything that must agree for stored baselines to mean the same."""
        return {"baselines": " ".join(TRACKED)}

    @property
    def warming_up(self) -> int:
        """Return how many tracked accounts have no baseline of their own yet."""
        return int(np.count_nonzero(~self._own.ready(self._table.columns.in_use)))

    def due(self, time: float, slots: AccountSlots, requests_day: Floats) -> Mask:
        """Return which accounts are to be observed or learnt from at ``time``, shape ``(n,)``.

        :meth:`observe` needs no others, nor their features: most active accounts were observed
        minutes ago.
        """
        return self._scored(time, slots, requests_day) | self._own.due(time, slots)

    def observe(self, time: float, slots: AccountSlots, matrix: Floats) -> Observations:
        """Return what the detector has to score, and learn the baselines.

        ``slots`` (n,), distinct, at least those that are :meth:`due`; ``matrix`` (n, F) as
        ``features.table.compute`` returns it; ``time`` the end of the window, epoch seconds.
        """
        scored = self._scored(time, slots, matrix[:, COLUMN["requests_day"]])
        found = self._observe(time, slots[scored], matrix[scored])
        self._table["next_observed"][slots[scored]] = time + self._settings.score_every_s
        learns = self._own.due(time, slots) & self.exclusion.allowed(time, slots)
        if learns.any():
            self._own.learn(time, slots[learns], scaled(matrix[learns]))
        return found

    def _scored(self, time: float, slots: AccountSlots, requests_day: Floats) -> Mask:
        heavy = requests_day >= self._settings.min_requests
        return np.asarray(heavy & (self._table["next_observed"][slots] <= time))

    def _observe(self, time: float, slots: AccountSlots, matrix: Floats) -> Observations:
        own = self._own.surprisal(slots, scaled(matrix), most=MOST_HART)
        means = self._own.means(slots)
        self.change_points.update(time, slots, matrix, own, means)
        rows = np.empty(len(slots), OBSERVED)
        rows["first_seen"] = self._table["first_seen"][slots]
        rows["plan"] = self._table["plan"][slots]
        rows["features"], rows["own"], rows["own_mean"] = matrix, own, means
        rows["new_ratio"] = self._new_ratio(slots, matrix, means)
        return Observations([self._table.name(slot) for slot in slots.tolist()], rows)

    def _new_ratio(self, slots: AccountSlots, matrix: Floats, means: Floats) -> Array:
        """Return the surprisal, against the own past, of the output ratio of new content alone."""
        found = np.zeros(len(slots))
        # Without new content there is no surprisal.
        new = np.flatnonzero(~np.isnan(matrix[:, COLUMN["new_content_ratio"]]))
        if len(new):
            alone = scaled(new_content_alone(matrix[new], own_output(means[new])))
            own = self._own.surprisal(slots[new], alone, most=MOST_HART)
            found[new] = own[:, TRACKED.index("output_ratio")]
        return found

    # -- what the detector sends back ---------------------------------------------------------

    def states(self, slots: AccountSlots) -> Array:
        """Return the :class:`AccountState` of each account as last received, ``(n,)``, u1."""
        return np.asarray(self._table["account_state"][slots])

    def note_states(self, states: Mapping[str, int]) -> None:
        """Note what the detector thinks of accounts; counters alone follow it."""
        for name, state in states.items():
            if (slot := self._table.slot(name)) is not None:
                self._table["account_state"][slot] = min(max(state, 0), max(AccountState))
                self._table.touch([slot])


def own_output(means: Floats) -> Floats:
    """Return the output of a day by own baselines (n, len(TRACKED)), tokens, shape ``(n,)``."""
    scale = FEATURES[COLUMN["output_day"]]
    return scale.unscaled(means[:, TRACKED.index("output_day")])
