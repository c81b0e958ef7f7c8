"""Whether an account has fallen silent: how many requests it has not made by its own rhythm.

What it usually does is what it did at the same time of the day before; before that is known, its
mean rate. A night, or a break of minutes, is no silence. A weekend is: accounts come back from it,
and nothing else is concluded from silence alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.windows.panes import HORIZONS

if TYPE_CHECKING:
    from stream.core.batch import AccountSlots, Array, Floats, Mask, Seconds
    from stream.store.account_table import AccountTable

_DAY: Final = HORIZONS["day"]
#: So much usual traffic is missing after a silence. Assumed: a Poisson process skips 10 requests
#: once in 20,000 times, and people's sessions far more often; but who comes back was not silent.
_MISSING: Final = 10.0
#: A shorter silence is a break (assumed).
_SHORTEST_S: Final = 3600.0
#: Later the ring holds less than a day before the last request.
_LONGEST_S: Final = 26 * 3600.0
#: The mean rate of an account covers at least this much time (assumed).
_LEAST_LIFE_S: Final = 2 * 3600.0


def is_silent(table: AccountTable, slots: AccountSlots, time: float) -> Mask:
    """Return which accounts have fallen silent by ``time``, shape ``(n,)``; they have been seen."""
    last = table["last_seen"][slots]
    silent = np.zeros(len(slots), bool)
    some = np.flatnonzero((time - last >= _SHORTEST_S) & (time - last <= _LONGEST_S))
    silent[some] = _missing(table, slots[some], time) >= _MISSING
    return silent


def _missing(table: AccountTable, slots: AccountSlots, time: float) -> Floats:
    """Return the usual requests between each account's last request and ``time``, ``(n,)``."""
    first, last = table["first_seen"][slots], table["last_seen"][slots]
    pane = np.floor(last / _DAY.width_s).astype(np.int64)
    after = np.arange(_DAY.panes + 1)
    begin = (pane[:, None] + after) * _DAY.width_s
    # The ring has the pane of the day before in the same place. The pane of the last request was
    # overwritten: the next one stands for it.
    place = (pane[:, None] + np.maximum(after, 1)) % _DAY.panes
    before = np.take_along_axis(table["ring_day"][slots, 0], place, axis=1).astype(np.float64)
    known = begin - _DAY.panes * _DAY.width_s >= first[:, None]
    usual = np.where(known, before, _mean(table, slots, first, last)[:, None])
    passed = np.clip(time - np.maximum(begin, last[:, None]), 0, _DAY.width_s)
    passed = np.minimum(passed, begin + _DAY.width_s - np.maximum(begin, last[:, None]))
    return np.asarray((usual * passed).sum(axis=1) / _DAY.width_s)


def _mean(table: AccountTable, slots: AccountSlots, first: Seconds, last: Seconds) -> Array:
    """Return the requests of a pane by each account's mean rate, shape ``(n,)``."""
    life = np.maximum(last - first, _LEAST_LIFE_S)
    return np.asarray(table["total"][slots, 0] / life * _DAY.width_s)
