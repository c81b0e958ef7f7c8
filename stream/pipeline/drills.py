"""What keeps a drill apart inside the stages: rows are parted, and state is a twin's.

Whatever a stage keeps of a drill is kept beside everybody's, in memory only, and forgotten soon
after its last row. So the state of everybody's accounts, values and incidents, in memory as in its
topics, is what it would be without drills. What both share is how many rows may wait
(``windows.max_pending_rows``): a drill is small, and what nothing bounds would be worse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

import numpy as np

from stream.core.drill import any_drill, is_drill

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stream.core.batch import Batch

#: Event time that a drill is remembered for after its last row: longer than a judging takes.
KEPT_S: Final = 1800.0

B = TypeVar("B", bound="Batch")
T = TypeVar("T")


def parted(batches: Sequence[B]) -> tuple[list[B], list[B]]:
    """Return everybody's rows and those of drills, both in order."""
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


class Twin(Generic[T]):
    """State for drills that there is only while there is one."""

    def __init__(self, make: Callable[[], T]) -> None:
        """``make`` returns it fresh."""
        self._make = make
        self._state: T | None = None
        self._used = 0.0

    def use(self, time: float) -> T:
        """Return the state for rows at ``time``, event time in epoch seconds."""
        if self._state is None:
            self._state = self._make()
        self._used = time
        return self._state

    def forget(self, time: float) -> None:
        """Forget the state at ``time`` when it is out of use."""
        if self._state is not None and time - self._used > KEPT_S:
            self._state = None
