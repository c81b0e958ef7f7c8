"""Keeps a drill apart inside the stages: its rows are split off, and it has a shadow state.

A stage keeps the state of a drill beside the real one, in memory only, and forgets it soon after
its last row. So the real accounts, indicators and incidents, in memory and in the topics, are the
same as without drills. Only the bound of waiting rows (``windows.max_pending_rows``) is shared: a
drill is small, and rows without a bound would be worse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

import numpy as np

from stream.core.drill import any_drill, is_drill

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stream.core.batch import Batch

#: Event time that a drill is remembered for after its last row: longer than a scoring interval
#: (assumed).
KEPT_S: Final = 1800.0

B = TypeVar("B", bound="Batch")
T = TypeVar("T")


def split_drills(batches: Sequence[B]) -> tuple[list[B], list[B]]:
    """Return the real rows and those of drills, both in order."""
    rows: list[B] = []
    drills: list[B] = []
    for batch in batches:
        if not any_drill(batch.accounts):
            rows.append(batch)
            continue
        is_one = np.fromiter(map(is_drill, batch.accounts), bool, len(batch.accounts))
        apart = is_one[batch.columns["account"]]
        for part, found in ((~apart, rows), (apart, drills)):
            if part.any():
                found.append(batch.take(part))
    return rows, drills


class ShadowState(Generic[T]):
    """State for drills; it exists only while there is a drill."""

    def __init__(self, make: Callable[[], T]) -> None:
        """``make`` returns a new one."""
        self._make = make
        self._state: T | None = None
        self._used = 0.0

    def use(self, time: float) -> T:
        """Return the state for rows at ``time``, event time in epoch seconds.

        A new one where no drill has used it for long.
        """
        self.forget(time)
        if self._state is None:
            self._state = self._make()
        self._used = time
        return self._state

    def forget(self, time: float) -> None:
        """Forget the state when no drill has used it for long at ``time``."""
        if self._state is not None and time - self._used > KEPT_S:
            self._state = None
