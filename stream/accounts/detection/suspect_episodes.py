"""When the current suspect episode of an account began, and its traffic since; decides nothing.

An episode begins with the first evidence and ends after a quiet period without any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.features.snapshot import DAY_S, HOUR_S
from stream.accounts.features.table import COLUMN
from stream.core.findings import Observed
from stream.store.columns import Field

if TYPE_CHECKING:
    from stream.core.batch import AccountSlots, Floats, Mask, Seconds
    from stream.store.account_table import AccountTable

_SUMS: Final = ("requests", "input", "output")


class SuspectEpisodes:
    """First evidence and observed totals of suspect accounts, in fields of the account table."""

    FIELDS: Final = (
        Field("suspect_since", np.dtype("<f8"), initial=np.nan),  # first evidence
        Field("suspect_until", np.dtype("<f8"), initial=np.nan),  # last evidence
        Field("suspect_counted", np.dtype("<f8"), initial=np.nan),  # totals are up to here
        Field("suspect_sums", np.dtype("<f8"), (len(_SUMS),)),
        Field("above_since", np.dtype("<f8"), initial=np.nan),  # suspect without a break
    )

    def __init__(self, table: AccountTable, *, quiet_period_s: float) -> None:
        """Work on ``table``; ``quiet_period_s`` without evidence ends an episode."""
        self._table = table
        self._quiet_period_s = quiet_period_s

    def update(self, time: float, slots: AccountSlots, matrix: Floats, suspect: Mask) -> None:
        """Begin, count and end the episodes of accounts scored at ``time``.

        ``matrix`` (n, F) are their features, ``suspect`` (n,) marks those with evidence.
        """
        table = self._table
        outside = ~(time - table["suspect_until"][slots] < self._quiet_period_s)
        self._end(slots[outside & ~suspect])
        self._begin(time, slots[outside & suspect], matrix[outside & suspect])
        self._count(time, slots[~outside], matrix[~outside])
        table["suspect_until"][slots[suspect]] = time
        above = table["above_since"][slots]
        table["above_since"][slots] = np.where(suspect, np.fmin(above, time), np.nan)

    def lasting_s(self, time: float, slots: AccountSlots) -> Seconds:
        """Return how long each account has been suspect without a break, 0 when it is not."""
        return np.nan_to_num(time - self._table["above_since"][slots])

    def since(self, slot: int) -> float:
        """Return the time of the first evidence, epoch seconds."""
        return float(self._table["suspect_since"][slot])

    def observed(self, slot: int, features: Floats) -> Observed:
        """Return the traffic since the first evidence; ``features`` is its row of the matrix."""
        requests, received, sent = self._table["suspect_sums"][slot].round().astype(int).tolist()
        hour = _sums(features[None, :], "hour")[0].round().astype(int).tolist()
        return Observed(
            requests=requests,
            input_tokens=received,
            output_tokens=sent,
            requests_last_hour=min(hour[0], requests),
            output_tokens_last_hour=min(hour[2], sent),
        )

    def _end(self, slots: AccountSlots) -> None:
        for field in self.FIELDS:
            self._table[field.name][slots] = field.initial

    def _begin(self, time: float, slots: AccountSlots, matrix: Floats) -> None:
        """Begin with the first request of an account that is hours old, else an hour ago."""
        first_seen = self._table["first_seen"][slots]
        new = time - first_seen <= DAY_S
        self._table["suspect_since"][slots] = np.where(new, first_seen, time - HOUR_S)
        day, hour = _sums(matrix, "day"), _sums(matrix, "hour")
        self._table["suspect_sums"][slots] = np.where(new[:, None], day, hour)
        self._table["suspect_counted"][slots] = time

    def _count(self, time: float, slots: AccountSlots, matrix: Floats) -> None:
        """Add the traffic since the account was scored last: its share of the last hour's sums."""
        part = np.clip((time - self._table["suspect_counted"][slots]) / HOUR_S, 0, 1)
        self._table["suspect_sums"][slots] += part[:, None] * _sums(matrix, "hour")
        self._table["suspect_counted"][slots] = time


def _sums(matrix: Floats, horizon: str) -> Floats:
    return np.asarray(
        matrix[:, [COLUMN[f"{name}_{horizon}"] for name in ("requests", "input", "output")]]
    )
