"""The state of each account: warming up, clear, suspect or anomalous."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.detection.suspect_episodes import SuspectEpisodes
from stream.store.columns import Field

if TYPE_CHECKING:
    from stream.core.batch import AccountSlots, Array, Floats, Mask
    from stream.core.thresholds import ScoreThresholds
    from stream.store.account_table import AccountTable

#: How far below the open score a score is kept that must not open an incident yet. Assumed: less
#: than any score that is shown differs by.
_JUST_BELOW: Final = 1e-6


class AccountState(IntEnum):
    """What the detector thinks of an account; the numbers are part of the stored rows."""

    WARMING_UP = 0  # not scored yet
    CLEAR = 1
    SUSPECT = 2  # at or above the clear score
    ANOMALOUS = 3  # at or above the open score for long enough


class AccountStates:
    """Turns scores into states, and requires that a high score lasts."""

    FIELDS: Final = (
        Field("account_state", np.dtype("u1"), initial=AccountState.WARMING_UP),
        *SuspectEpisodes.FIELDS,
    )

    def __init__(
        self,
        table: AccountTable,
        thresholds: ScoreThresholds,
        *,
        sustain_s: float,
        quiet_period_s: float,
    ) -> None:
        """Work on ``table``, which must have :attr:`FIELDS`.

        A score counts in full once it has been suspect for ``sustain_s``.
        """
        self.episodes: Final = SuspectEpisodes(table, quiet_period_s=quiet_period_s)
        self._table = table
        self._thresholds = thresholds
        self._sustain_s = sustain_s

    def of(self, slots: AccountSlots) -> Array:
        """Return the :class:`AccountState` of each account, shape ``(n,)``, u1."""
        return np.asarray(self._table["account_state"][slots])

    def anomalous(self, slots: AccountSlots) -> Mask:
        """Return which accounts are anomalous, shape ``(n,)``."""
        return np.asarray(self.of(slots) == AccountState.ANOMALOUS)

    def update(
        self, time: float, slots: AccountSlots, matrix: Floats, scores: Floats, capped: Mask
    ) -> Floats:
        """Update states by scores (n,); return the scores that count now, shape ``(n,)``.

        Scores of ``capped`` accounts (n,), and those that have not lasted yet, stay below the
        open score. ``matrix`` (n, F) are the accounts' features.
        """
        thresholds = self._thresholds
        suspect = scores >= thresholds.clear_score
        self.episodes.update(time, slots, matrix, suspect)
        brief = self.episodes.lasting_s(time, slots) < self._sustain_s
        below = np.minimum(scores, thresholds.open_score - _JUST_BELOW)
        scores = np.where(brief | capped, below, scores)
        anomalous = scores >= thresholds.open_score
        self._table["account_state"][slots] = np.where(
            anomalous,
            AccountState.ANOMALOUS,
            np.where(suspect, AccountState.SUSPECT, AccountState.CLEAR),
        )
        return scores
