"""Which accounts the models may learn from, and when; learns nothing itself.

An attacker must not make its own behaviour common. So the population model learns only from
settled accounts: those seen during the warm-up, and those that outlasted the quarantine. No model
learns from an account whose incident a person has confirmed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.detection.exclusion import Exclusion
from stream.accounts.features.snapshot import DAY_S
from stream.store.columns import Field

if TYPE_CHECKING:
    from stream.accounts.detection.settings import DetectionSettings
    from stream.core.batch import AccountSlots, Floats, Mask
    from stream.store.account_table import AccountTable


#: An account that was opened this many days before its first request is not new. Assumed: a card
#: that is stolen or a trial that is left over is used within the week.
_YOUNG_D: Final = 7.0


class LearningPolicy:
    """The rules of learning, and how much the population models have learnt."""

    FIELDS: Final = (
        Field("population_learnt_at", np.dtype("<f8"), initial=np.nan),  # epoch seconds
        *Exclusion.FIELDS,
    )

    def __init__(self, settings: DetectionSettings, table: AccountTable) -> None:
        """Work on ``table``, which must have :attr:`FIELDS`."""
        self._settings = settings
        self._table = table
        self.exclusion: Final = Exclusion(table)
        self.began: float | None = None  # first learning, epoch seconds
        self.accounts = 0  # that were learnt from

    def warmed_up(self, time: float) -> bool:
        """Return whether the population models have learnt enough to score."""
        long = self.began is not None and time - self.began >= self._settings.warm_up_s
        return long and self.accounts >= self._settings.warm_up_accounts

    def settled(self, time: float, slots: AccountSlots) -> Mask:
        """Return which accounts the population may learn from, shape ``(n,)``."""
        first_seen = self._table["first_seen"][slots]
        began = time if self.began is None else self.began
        early = first_seen <= began + self._settings.warm_up_s
        settled = early | (time - first_seen >= self._settings.quarantine_s)
        return np.asarray(settled & self.exclusion.allowed(time, slots))

    def whole_life_seen(self, time: float, age_days: Floats) -> Mask:
        """Return which accounts were created after learning began, shape ``(n,)``.

        False for an unknown age (NaN), and as long as nothing was learnt.
        """
        began = np.inf if self.began is None else self.began
        return np.asarray(time - age_days * DAY_S >= began)

    def appeared(self, time: float, slots: AccountSlots, age_days: Floats) -> Mask:
        """Return which accounts are new to the log, shape ``(n,)``.

        Their first request came when the log had run for the warm-up, and they have not outlasted
        the quarantine. An account that is known to be older than a few days has only been away.
        """
        first_seen = self._table["first_seen"][slots]
        began = np.inf if self.began is None else self.began
        new = first_seen > began + self._settings.warm_up_s
        new &= time - first_seen < self._settings.quarantine_s
        away = age_days - (time - first_seen) / DAY_S > _YOUNG_D
        return np.asarray(new & ~away)

    def population_due(self, time: float, slots: AccountSlots) -> Mask:
        """Return which accounts the population may learn from again, shape ``(n,)``."""
        learnt_at = self._table["population_learnt_at"][slots]
        return ~(time - learnt_at < self._settings.learn_every_s)

    def note_population(self, time: float, slots: AccountSlots) -> None:
        """Note that the population models learn from accounts at ``time``."""
        if not len(slots):
            return
        self.began = time if self.began is None else self.began
        first = np.isnan(self._table["population_learnt_at"][slots])
        self.accounts += int(np.count_nonzero(first))
        self._table["population_learnt_at"][slots] = time
