"""Accounts whose incident a person has confirmed: no model learns from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.store.columns import Field

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.core.batch import AccountSlots, Mask
    from stream.store.account_table import AccountTable


class Exclusion:
    """Until when which accounts of a table are excluded."""

    FIELDS: Final = (Field("excluded_until", np.dtype("<f8")),)  # epoch seconds

    def __init__(self, table: AccountTable) -> None:
        """Work on ``table``, which must have :attr:`FIELDS`."""
        self._table = table

    def exclude(self, accounts: Iterable[str], *, until: float) -> None:
        """Learn nothing from accounts until then, epoch seconds; 0 ends the exclusion."""
        known = [slot for name in accounts if (slot := self._table.slot(name)) is not None]
        self._table["excluded_until"][known] = until
        self._table.touch(known)

    def allowed(self, time: float, slots: AccountSlots) -> Mask:
        """Return which accounts are not excluded, shape ``(n,)``."""
        return np.asarray(self._table["excluded_until"][slots] <= time)
