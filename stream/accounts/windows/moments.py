"""Decayed moments of an account's requests: time between them, and means of their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.networks import BROWSER
from stream.store.columns import Field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stream.core.batch import AccountSlots, Array, Floats, Positions, Seconds
    from stream.store.account_table import AccountTable


def _at_least(column: str, least: float) -> Callable[[Mapping[str, Array]], Floats]:
    def valid(columns: Mapping[str, Array]) -> Floats:
        values = columns[column].astype(float)
        return np.where(values >= least, values, np.nan)

    return valid


def _hosted_browser(columns: Mapping[str, Array]) -> Floats:
    return (columns["hosting"] & BROWSER > 0).astype(float)


#: Means: name -> values of rows, NaN where absent.
_MEANS: Final[Mapping[str, Callable[[Mapping[str, Array]], Floats]]] = {
    "temperature": _at_least("temperature", 0.0),
    "max_tokens": _at_least("max_tokens", 1.0),
    "hosted_browser": _hosted_browser,
}
_PARTS: Final = {"gap": ("n", "sum", "square"), **dict.fromkeys(_MEANS, ("n", "sum"))}


class Moments:
    """Counts, sums and sums of squares of all accounts of a table; older values weigh less."""

    FIELDS: Final = tuple(
        Field(f"{name}_{part}", np.dtype("<f4")) for name, parts in _PARTS.items() for part in parts
    )

    def __init__(self, table: AccountTable) -> None:
        """Work on ``table``, which has to have :attr:`FIELDS`."""
        self._table = table

    def add(
        self,
        slots: AccountSlots,
        decay: Floats,
        columns: Mapping[str, Array],
        at: Positions,
        last_seen: Seconds,
    ) -> None:
        """Add the events of a window, sorted by account; account i's begin at ``at[i]``.

        ``decay`` (n,) is the weight of earlier values; ``last_seen`` (n,) NaN: never.
        """
        times = columns["time"]
        gaps = np.empty(len(times))
        np.subtract(times[1:], times[:-1], out=gaps[1:])
        gaps[at] = times[at] - last_seen
        self._add("gap", slots, decay, gaps, at)
        for name, values in _MEANS.items():
            self._add(name, slots, decay, values(columns), at)

    def mean(self, name: str, slots: AccountSlots) -> Floats:
        """Return a decayed mean, ``(n,)``; NaN: unknown.

        ``name`` is ``temperature``, ``max_tokens`` or ``hosted_browser``.
        """
        n = self._table[f"{name}_n"][slots].astype(float)
        total = self._table[f"{name}_sum"][slots].astype(float)
        return np.where(n > 0, total / np.where(n > 0, n, 1), np.nan)

    def gap_variation(self, slots: AccountSlots) -> Floats:
        """Return the coefficient of variation of inter-arrival times, ``(n,)``; NaN: unknown."""
        n, total, square = (
            self._table[f"gap_{part}"][slots].astype(float) for part in ("n", "sum", "square")
        )
        known = (n > 1) & (total > 0)
        n, total = np.where(known, n, 1), np.where(known, total, 1)
        spread = np.sqrt(np.maximum(square / n - (total / n) ** 2, 0))
        return np.where(known, spread / (total / n), np.nan)

    def _add(
        self, name: str, slots: AccountSlots, decay: Floats, values: Floats, at: Positions
    ) -> None:
        known = ~np.isnan(values)
        values = np.where(known, values, 0)
        new = {"n": known, "sum": values, "square": values * values}
        for part in _PARTS[name]:
            field = self._table[f"{name}_{part}"]
            field[slots] = field[slots] * decay + np.add.reduceat(new[part], at, dtype=float)
