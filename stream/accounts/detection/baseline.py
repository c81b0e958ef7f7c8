"""An account's own baseline: its usual features, so that only a change counts.

Exponentially weighted mean and variance (West, CACM 1979) of features on their fixed scale, in
fields of the account table. Learns at most once an hour of event time, so that it stays slow, and
from no value as if it were further away than a few standard deviations (winsorised, Huber, 1964):
what an account does that it never did moves its baseline slowly, whether or not it is suspect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.features.table import COLUMN
from stream.accounts.windows.content_means import ContentMeans
from stream.store.columns import Field

if TYPE_CHECKING:
    from stream.accounts.detection.settings import DetectionSettings
    from stream.core.batch import AccountSlots, Floats, Mask
    from stream.store.account_table import AccountTable

#: The features that an account is compared with itself by; the first is how much it takes.
TRACKED: Final = (
    "output_day",
    "output_ratio",
    "output_per_request",
    "active_hours",
    "templated_breadth",
    "requests_day",
    "content_shift",
)
_COLUMNS: Final = np.array([COLUMN[name] for name in TRACKED])
#: The least standard deviation that is believed, as a share of the scale. Assumed: a few requests
#: more or less must not count as a change.
_FLOOR: Final = 0.02
#: A value further away than this many standard deviations counts as if it were not. Huber takes
#: 1.5; measured (tests/scenarios/test_lone_accounts.py): with 3, what has changed for all
#: accounts is usual after a day and a half, with 2 it is not.
_WINSOR: Final = 3.0
#: Degrees of freedom of Student's t tail. Assumed: an account's own history has far more outliers
#: than a normal distribution.
_FREEDOM: Final = 4.0


class OwnBaseline:
    """The baselines of all accounts of a table."""

    FIELDS: Final = (
        Field("base_time", np.dtype("<f8"), initial=np.nan),
        Field("base_hours", np.dtype("<f4")),
        Field("base_mean", np.dtype("<f4"), (len(TRACKED),), initial=np.nan),
        Field("base_var", np.dtype("<f4"), (len(TRACKED),)),
    )

    def __init__(self, settings: DetectionSettings, table: AccountTable) -> None:
        """Work on ``table``, which must have :attr:`FIELDS`."""
        self._half_life_s = settings.baseline_half_life_s
        self._hours = settings.baseline_hours
        self._every_s = settings.learn_every_s
        self._table = table
        self._content = ContentMeans(table)

    def ready(self, slots: AccountSlots) -> Mask:
        """Return which accounts have seen enough hours for a baseline, shape ``(n,)``."""
        return np.asarray(self._table["base_hours"][slots] >= self._hours)

    def due(self, time: float, slots: AccountSlots) -> Mask:
        """Return which accounts' baselines may learn again, shape ``(n,)``."""
        return ~(time - self._table["base_time"][slots] < self._every_s)

    def means(self, slots: AccountSlots) -> Floats:
        """Return the means on the fixed scale, shape ``(n, len(TRACKED))``; NaN when not ready."""
        means = self._table["base_mean"][slots].astype(np.float64)
        return np.where(self.ready(slots)[:, None], means, np.nan)

    def surprisal(self, slots: AccountSlots, scaled: Floats, *, most: float) -> Floats:
        """Return the surprisal of a rise over the own mean, shape ``(n, len(TRACKED))``.

        ``scaled`` (n, F) is the matrix on its fixed scale. In hartleys (tails.py), 0..most; 0
        when the baseline is not ready, the value is unknown or it fell.
        """
        spread = np.sqrt(self._table["base_var"][slots] + _FLOOR**2)
        rise = (scaled[:, _COLUMNS] - self.means(slots)) / spread
        rise = np.nan_to_num(np.maximum(rise, 0))
        tail = (_FREEDOM + 1) / 2 * np.log10(1 + rise**2 / _FREEDOM)
        return np.asarray(np.minimum(tail, most))

    def learn(self, time: float, slots: AccountSlots, scaled: Floats) -> None:
        """Move the baselines of ``slots`` towards the values (n, F); NaN moves nothing."""
        table, values = self._table, scaled[:, _COLUMNS]
        hours = table["base_hours"][slots] + 1
        since = np.nan_to_num(time - table["base_time"][slots])
        rate = np.maximum(1 - 2.0 ** (-since / self._half_life_s), 1 / hours)
        self._content.learn(slots, rate)
        rate = rate[:, None]
        mean, var = table["base_mean"][slots], table["base_var"][slots]
        known, first = ~np.isnan(values), np.isnan(mean)
        step = np.where(known & ~first, values - mean, 0)
        most = np.where(self.ready(slots)[:, None], _WINSOR * np.sqrt(var + _FLOOR**2), np.inf)
        step = np.clip(step, -most, most)
        moved = np.where(first, values, mean + rate * step)
        table["base_mean"][slots] = np.where(known, moved, mean)
        table["base_var"][slots] = np.where(known, (1 - rate) * (var + rate * step**2), var)
        table["base_time"][slots] = time
        table["base_hours"][slots] = hours
