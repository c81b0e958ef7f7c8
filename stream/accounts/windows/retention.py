"""Which accounts a full table keeps: the protected segment, and the eviction priority."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from stream.core.batch import AccountSlots, Mask, Seconds
    from stream.store.account_table import AccountTable

_HOUR_S: Final = 3600.0
_DAY_S: Final = 86400.0
#: Eviction bonus for each doubling of a week's requests, and for each of its active days (assumed).
_BUSY_BONUS_S: Final = 6 * _HOUR_S
_DAY_BONUS_S: Final = _DAY_S


class Retention:
    """Decides by the window state of all accounts of a table; has no state."""

    def __init__(self, table: AccountTable) -> None:
        """Work on ``table``, which has to have the fields of the account windows."""
        self._table = table

    def protected(self, slots: AccountSlots) -> Mask:
        """Return which accounts are protected: they came back after an hour, shape ``(n,)``."""
        table = self._table
        return np.asarray(table["last_seen"][slots] - table["first_seen"][slots] >= _HOUR_S)

    def eviction_priority(self, slots: AccountSlots) -> Seconds:
        """Return the time last seen, plus a bonus; the lowest is evicted first, shape ``(n,)``.

        Busy accounts last longer, and accounts active on several days: requests are cheap to
        fake, days are not.
        """
        days = self._table["ring_week"][slots, 0]  # requests of each day of the last week
        last_seen = np.nan_to_num(self._table["last_seen"][slots])
        busy = _BUSY_BONUS_S * np.log2(1 + days.sum(axis=1))
        return np.asarray(last_seen + busy + _DAY_BONUS_S * np.count_nonzero(days, axis=1))
